// Walks the passes of all Sweeps in their order: Sweep, tile row, block, pass; lane groups outside, 3x3 sub-kernels
// inside, words of the shortcut last. The kernel loader and the sequencer each have one; that of the sequencer also
// stops at the calls of the host.
`include "types.svh"

module walker #(
    parameter HOSTS = 0
) (
    input wire clk,
    input wire reset,
    input wire advance,
    input wire [`CHIP_BITS-1:0] chip,
    input wire [3*`OPS_MAX-1:0] kinds,
    // Descriptors of the operation it stands on.
    output reg [31:0] op,
    input wire [`OP_BITS-1:0] sweep,
    input wire [`LAYER_BITS-1:0] layer,
    // False behind the last pass of the run.
    output wire valid,
    output pass_t pass
);
    reg [1:0] bank;
    reg [31:0] tile, block, place;
    reg [31:0] number, lane_group, sub_row, sub_col, word;
    reg residual;

    assign valid = op < `REG(chip, `C_OPS);

    // The first Sweep, or call of the host where the walker stops at them, from operation `from` on.
    function automatic [31:0] next_sweep(input [31:0] from);
        integer k;
        begin
            next_sweep = `OPS_MAX;
            for (k = `OPS_MAX - 1; k >= 0; k = k - 1)
                if (k >= from && k < `REG(chip, `C_OPS) && (kinds[3*k +: 3] == `KIND_SWEEP
                    || (HOSTS != 0 && kinds[3*k +: 3] == `KIND_HOST))) next_sweep = k;
        end
    endfunction

    function automatic [31:0] least(input [31:0] a, input [31:0] b);
        least = a < b ? a : b;
    endfunction

    function automatic [31:0] parts_of(input [31:0] n, input [31:0] part);
        parts_of = (n + part - 1) / part;
    endfunction

    // Shape of the Sweep.
    wire [31:0] kernel = `REG(layer, `L_KERNEL);
    wire [31:0] group_inputs = `REG(layer, `L_IN_C) / `REG(layer, `L_GROUPS);
    wire [31:0] group_outputs = `REG(layer, `L_OUT_C) / `REG(layer, `L_GROUPS);
    wire [31:0] row_groups = parts_of(group_outputs, `ROWS);
    wire [31:0] group = `REG(sweep, `O_ROW_GROUP) / row_groups;
    wire [31:0] part = `REG(sweep, `O_ROW_GROUP) % row_groups;
    wire [31:0] out_channel = group * group_outputs + part * `ROWS;
    wire [31:0] out_channels = least(`ROWS, group_outputs - part * `ROWS);
    wire packed_words = `REG(layer, `L_PACKED) != 0;
    wire [31:0] lanes = packed_words ? `TAPS * `LANES : `LANES;
    wire [31:0] lane_groups = parts_of(group_inputs, lanes);
    wire [31:0] subs = parts_of(kernel, 3);
    wire [31:0] conv_passes = lane_groups * subs * subs;
    wire [31:0] first_word = out_channel / `LANES;
    wire [31:0] shortcut_words = (out_channel + out_channels - 1) / `LANES - first_word + 1;
    wire [31:0] first_tile = `REG(sweep, `O_OUT_FIRST) / `TILE_H;
    wire [31:0] tiles = parts_of(`REG(sweep, `O_OUT_END), `TILE_H) - first_tile;
    wire [31:0] tile_cols = parts_of(`REG(layer, `L_OUT_W), `TILE_W);
    wire [31:0] blocks = parts_of(tile_cols, `ACCUMULATORS);
    wire streamed = `REG(layer, `L_WEIGHT_MODE) == 2;
    wire adds_shortcut = `REG(layer, `L_RESIDUAL) != 0;

    wire last_conv = !residual && number + 1 == conv_passes;
    wire block_last = residual ? word + 1 == shortcut_words : last_conv && !adds_shortcut;
    wire last_block = tile + 1 == tiles && block + 1 == blocks;

    always @* begin
        pass.host = HOSTS != 0 && `REG(sweep, `O_KIND) == `KIND_HOST;
        pass.op = op;
        pass.layer = `REG(sweep, `O_LAYER);
        pass.image = `REG(sweep, `O_SWEEP_IMAGE);
        pass.strip = `REG(sweep, `O_STRIP);
        pass.bank = bank;
        pass.tile_first = tile == 0;
        pass.sweep_first = place == 0 && number == 0 && !residual;
        pass.sweep_last = last_block && block_last;
        pass.block_first = number == 0 && !residual;
        pass.block_last = block_last;
        // A streamed slot is free after its pass, others in the last block of the Sweep that uses them last.
        pass.frees = !residual && (streamed || (last_block && `REG(sweep, `O_LAST_USE) != 0));
        pass.residual = residual;
        pass.packed_words = packed_words && !residual;
        pass.fill = `REG(sweep, `O_SWEEP_FILL) + (streamed ? place * conv_passes : 0) + number;
        pass.out_channel = out_channel;
        pass.out_channels = out_channels;
        pass.tile_row = first_tile + tile;
        pass.tile_col = block * `ACCUMULATORS;
        pass.patches = least(`ACCUMULATORS, tile_cols - block * `ACCUMULATORS);
        pass.tap_row = 3 * sub_row;
        pass.tap_col = 3 * sub_col;
        pass.tap_rows = least(3, kernel - 3 * sub_row);
        pass.tap_cols = least(3, kernel - 3 * sub_col);
        pass.channel = group * group_inputs + lane_group * lanes;
        pass.channels = least(lanes, group_inputs - lane_group * lanes);
        pass.words = packed_words ? parts_of(pass.channels, `LANES) : 1;
        pass.weight_taps = packed_words ? pass.words : pass.tap_rows * pass.tap_cols;
        if (residual) begin
            // The row group's own channels within one word.
            pass.channel = word == 0 ? out_channel : (first_word + word) * `LANES;
            pass.channels = least(out_channel + out_channels, (first_word + word + 1) * `LANES) - pass.channel;
            pass.tap_row = 0;
            pass.tap_col = 0;
            pass.tap_rows = 1;
            pass.tap_cols = 1;
            pass.words = 1;
            pass.weight_taps = 0;
        end
    end

    always @(posedge clk) begin
        if (reset) begin
            op <= next_sweep(0);
            bank <= 0;
            {tile, block, place} <= 0;
            {number, lane_group, sub_row, sub_col, word} <= 0;
            residual <= 0;
        end else if (advance && pass.host) begin
            op <= next_sweep(op + 1);
        end else if (advance) begin
            if (block_last) begin
                {number, lane_group, sub_row, sub_col, word} <= 0;
                residual <= 0;
                place <= place + 1;
                block <= block + 1;
                if (block + 1 == blocks) begin
                    block <= 0;
                    tile <= tile + 1;
                    if (tile + 1 == tiles) begin
                        tile <= 0;
                        place <= 0;
                        bank <= bank + 1;
                        op <= next_sweep(op + 1);
                    end
                end
            end else if (residual) begin
                word <= word + 1;
            end else if (last_conv) begin
                residual <= 1;
            end else begin
                number <= number + 1;
                sub_col <= sub_col + 1;
                if (sub_col + 1 == subs) begin
                    sub_col <= 0;
                    sub_row <= sub_row + 1;
                    if (sub_row + 1 == subs) begin
                        sub_row <= 0;
                        lane_group <= lane_group + 1;
                    end
                end
            end
        end
    end
endmodule
