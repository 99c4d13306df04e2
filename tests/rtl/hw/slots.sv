// Weight slots: first in, first out. Fill `f` takes the slot of fill `f - slots` once that one is free.
//
// A burst of a Fetch may hold bytes of several fills: it stays in `held` until the slots of all of them are free.
// A slot keeps its pass by row, lane and tap, idle rows and lanes left as they were, and beside it the parameter
// block of the row group when it is the first of a fetching.
`include "types.svh"

module slots (
    input wire clk,
    input wire reset,
    input wire [`CHIP_BITS-1:0] chip,
    // A burst of a Fetch arrives in this cycle; its operation.
    input wire arrives,
    input wire first,
    input wire [31:0] address,
    input wire [8*`BURST_MAX-1:0] data,
    input wire [`OP_BITS-1:0] fetch,
    input wire [`LAYER_BITS-1:0] layer,
    // A pass ends in this cycle and frees the slot of fill `freed`.
    input wire frees,
    input wire [31:0] freed,
    output reg [31:0] released,             // fills freed so far
    output reg [31:0] filled,               // fills done so far
    // The loader's view of one slot.
    input wire [31:0] slot,
    input wire [31:0] weight_slot,          // the same, or with a fault another
    output wire [16*`KERNEL_ELEMENTS-1:0] slot_bytes,
    output wire [128*`ROWS-1:0] slot_parameters
);
    `include "fetch.svh"

    reg [16*`KERNEL_ELEMENTS-1:0] kernel_of [0:`SLOTS_MAX-1];
    reg [128*`ROWS-1:0] parameters_of [0:`SLOTS_MAX-1];
    assign slot_bytes = kernel_of[weight_slot];
    assign slot_parameters = parameters_of[slot];

    reg [8*`BURST_MAX-1:0] held;
    reg [31:0] held_at;
    reg held_valid;
    // The fill under way: within its fetching, its pass, its number over the run, and its bytes in DRAM.
    reg [31:0] fill, pass, number, next_byte, end_byte;
    reg [31:0] count;

    // Where byte `at` of the pass's weights goes in the slot.
    function automatic [31:0] place(input [31:0] at, input [31:0] p);
        reg [31:0] lanes, taps, element, row, rest, lane, tap;
        begin
            lanes = pass_channels(layer, p);
            taps = pass_taps(layer, p);
            element = at / `REG(layer, `L_WEIGHT_BYTES);
            row = element / (lanes * taps);
            rest = element % (lanes * taps);
            lane = rest / taps;
            tap = rest % taps;
            if (`REG(layer, `L_PACKED) != 0) begin
                // Channel by channel: the word of a channel is its tap.
                lane = rest % `LANES;
                tap = rest / `LANES;
                taps = (lanes + `LANES - 1) / `LANES;
            end
            place = ((row * `LANES + lane) * taps + tap) * `REG(layer, `L_WEIGHT_BYTES)
                + at % `REG(layer, `L_WEIGHT_BYTES);
        end
    endfunction

    // Slots are written at once: the loader looks only at those that `filled` counts.
    wire [31:0] released_next = frees ? freed + 1 : released;
    wire [31:0] base = `REG(fetch, `O_ADDRESS);
    reg [31:0] block, offset, to;
    reg [7:0] value;
    reg more;
    always @(posedge clk) begin
        if (reset) begin
            released <= 0;
            filled <= 0;
            count = 0;
            held_valid = 0;
            {fill, pass, number, next_byte, end_byte} = 0;
        end else begin
            released <= released_next;
            if (arrives) begin
                held = data;
                held_at = address;
                held_valid = 1;
                if (first) begin
                    fill = `REG(fetch, `O_FIRST_FILL);
                    pass = fill % `REG(fetch, `O_PASSES);
                    number = `REG(fetch, `O_FILL_NUMBER);
                    next_byte = base + fill_start(layer, fetch, fill, pass);
                    end_byte = base + fill_end(layer, fetch, pass);
                end
            end
            more = held_valid;
            block = 16 * `REG(fetch, `O_ROWS);
            while (more) begin
                if (next_byte >= held_at + `REG(chip, `C_BURST)) begin
                    more = 0;
                    held_valid = 0;
                end else if (number >= released_next + `REG(chip, `C_SLOTS)) begin
                    more = 0;
                end else begin
                    value = held[8*(next_byte - held_at) +: 8];
                    offset = next_byte - base;
                    to = number % `REG(chip, `C_SLOTS);
                    if (offset < block)
                        parameters_of[to][8*offset +: 8] = value;
                    else
                        kernel_of[to][8*place(offset - block - pass_start(layer, fetch, pass), pass) +: 8] = value;
                    next_byte = next_byte + 1;
                    if (next_byte == end_byte) begin
                        count = count + 1;
                        fill = fill + 1;
                        number = number + 1;
                        pass = pass + 1;
                        if (fill == `REG(fetch, `O_END_FILL)) begin
                            more = 0;
                            held_valid = 0;
                        end else if (pass == `REG(fetch, `O_PASSES)) begin
                            // A streamed row group comes again, from its first pass on, in bursts of its own.
                            pass = 0;
                            next_byte = base + block;
                            more = 0;
                            held_valid = 0;
                        end
                        end_byte = base + fill_end(layer, fetch, pass);
                    end
                end
            end
            filled <= count;
        end
    end
endmodule
