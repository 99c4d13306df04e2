// Names shared by all modules: sizes, descriptor words, causes, and what is known of a pass.
`ifndef TYPES_SVH
`define TYPES_SVH
`include "shape.svh"
`include "faults.svh"

// Output pixels of a tile, banks of activation SRAM, outputs of a patch.
`define PIX (`TILE_H * `TILE_W)
`define BANKS (`BANK_ROWS * `BANK_COLS)
`define OUTPUTS (`PIX * `ROWS)
// Words of a pixel that the channels of a row group may touch, and words of a patch.
`define PIXEL_WORDS ((`ROWS + 2 * `LANES - 2) / `LANES)
`define PATCH_WORDS (`PIX * `PIXEL_WORDS)
// Taps of a pass, bits of an activation without its zero point, bits of a kernel of nine taps.
`define TAPS 9
`define ACT 18
`define KERNEL_ELEMENTS (`ROWS * `LANES * `TAPS)

// Word `n` of a descriptor or of the registers, and the same as a signed number.
`define REG(v, n) v[64 * (n) +: 32]
`define SREG(v, n) $signed(v[64 * (n) +: 32])
`define CHIP_BITS (32 * 64)
`define LAYER_BITS (64 * 64)
`define OP_BITS (24 * 64)

// Chip registers.
`define C_PIPELINE 0
`define C_LAYER_START 1
`define C_REQUANTISERS 2
`define C_WRITE_WORDS 3
`define C_WEIGHT_PORT 4
`define C_SLOTS 5
`define C_LATENCY 6
`define C_BURST 7
`define C_BANDWIDTH 8
`define C_BANDWIDTH_PER 9
`define C_IN_FLIGHT 10
`define C_REUSE 11
`define C_LAYERS 12
`define C_OPS 13
`define C_FILLS 14

// Layer registers.
`define L_KERNEL 0
`define L_STRIDE 1
`define L_PADDING 2
`define L_DILATION 3
`define L_GROUPS 4
`define L_RESIDUAL 5
`define L_PACKED 6
`define L_IN_H 7
`define L_IN_W 8
`define L_IN_C 9
`define L_OUT_H 10
`define L_OUT_W 11
`define L_OUT_C 12
`define L_WEIGHT_BYTES 13
`define L_WEIGHT_MODE 14
`define L_ROUNDING 16
`define L_IN_ZERO 17
`define L_SHORTCUT_ZERO 18
`define L_OUT_ZERO 19
`define L_LOWER 20
`define L_UPPER 21
`define L_OUT_SATURATE 22
`define L_OUT_BITS 23
`define L_OUT_SIGNED 24
`define L_IN_BYTES 25
`define L_IN_SIGNED 26
`define L_SHORTCUT_BYTES 27
`define L_SHORTCUT_SIGNED 28
`define L_IN_BUFFER 30
`define L_OUT_BUFFER 34
`define L_SHORTCUT_BUFFER 38
`define L_IMAGES_ARE_PIXELS 42

// Operations.
`define KIND_LOAD 0
`define KIND_STORE 1
`define KIND_FETCH 2
`define KIND_SWEEP 3
`define KIND_HOST 4
`define O_KIND 0
`define O_LAYER 1
`define O_AFTER 2
// Load, Store.
`define O_ADDRESS 11
`define O_BYTES 12
`define O_FIRST_ROW 13
`define O_BUFFER 15
`define O_WIDTH 19
`define O_CHANNELS 20
`define O_ELEMENT 21
`define O_IMAGE 22
// Fetch.
`define O_FIRST_FILL 12
`define O_END_FILL 13
`define O_FILL_NUMBER 14
`define O_PASSES 15
`define O_ROWS 16
// Sweep.
`define O_ROW_GROUP 11
`define O_OUT_FIRST 12
`define O_OUT_END 13
`define O_SWEEP_IMAGE 14
`define O_SWEEP_FILL 15
`define O_LAST_USE 16
`define O_STRIP 17
// Host.
`define O_CYCLES 11
`define O_RESULT 12
`define O_RESULT_BYTES 13
`define O_RESULT_FROM 14

// Why the array takes no step in a cycle, in the order of the counters.
`define SETUP 4'd0
`define OUTPUTS_WAIT 4'd1
`define INPUTS_WAIT 4'd2
`define DRAIN 4'd3
`define ACT_PORT 4'd4
`define WEIGHTS_WAIT 4'd5
`define WEIGHT_PORT 4'd6
`define FILL 4'd7
`define HOST 4'd8

// One pass over one block, or a call of the host: then only operation and layer are of use.
typedef struct packed {
    logic host;
    logic [31:0] op;            // its Sweep, or the call
    logic [31:0] layer;
    logic [31:0] image;
    logic [31:0] strip;
    logic [1:0] bank;           // parameter bank of the Sweep
    logic tile_first;           // in the first tile row of the Sweep
    logic sweep_first;          // first pass of the Sweep
    logic sweep_last;           // last pass of the Sweep
    logic block_first;          // starts the accumulators
    logic block_last;           // ends the outputs: its steps go to the drain registers
    logic frees;                // its slot is free when it ends
    logic residual;             // adds the shortcut: no kernel, no slot
    logic packed_words;         // a pixel's words lie on the taps
    logic [31:0] fill;          // number of the fill that brings its kernel
    logic [31:0] out_channel;   // channels of the row group
    logic [31:0] out_channels;
    logic [31:0] tile_row;
    logic [31:0] tile_col;      // of the block's first patch
    logic [31:0] patches;
    logic [31:0] channel;       // channels it reads, counted over the whole tensor
    logic [31:0] channels;
    logic [31:0] tap_row;       // kernel rows and columns it uses
    logic [31:0] tap_rows;
    logic [31:0] tap_col;
    logic [31:0] tap_cols;
    logic [31:0] words;         // words of a pixel
    logic [31:0] weight_taps;   // taps of a lane in the slot
} pass_t;

`endif
