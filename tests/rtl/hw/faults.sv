// Faults on the buses between the units: each module hands its bus on as it is unless its fault is chosen. Faults of
// geometry are in the window reader.
`include "types.svh"

// Layer registers, as window reader and drain see them.
module fault_layer (
    input fault_t fault,
    input wire [`LAYER_BITS-1:0] told,
    output reg [`LAYER_BITS-1:0] layer
);
    always @* begin
        layer = told;
        case (fault.number)
            `F_ROUNDING: layer[64*`L_ROUNDING +: 32] = fault.at;
            `F_NO_OUTPUT_ZERO: layer[64*`L_OUT_ZERO +: 32] = 0;
            `F_NO_SATURATION: layer[64*`L_OUT_SATURATE +: 32] = 0;
            `F_NO_LOWER_CLAMP: layer[64*`L_LOWER +: 32] = 32'h80000000;
            `F_NO_UPPER_CLAMP: layer[64*`L_UPPER +: 32] = 32'h7fffffff;
            `F_NO_INPUT_ZERO: layer[64*`L_IN_ZERO +: 32] = 0;
            `F_INPUT_SIGN: layer[64*`L_IN_SIGNED] = !told[64*`L_IN_SIGNED];
            `F_NO_PADDING: layer[64*`L_PADDING +: 32] = 0;
            `F_STRIDE_ONE: layer[64*`L_STRIDE +: 32] = 1;
            `F_DILATION_ONE: layer[64*`L_DILATION +: 32] = 1;
            `F_NO_SHORTCUT_ZERO: layer[64*`L_SHORTCUT_ZERO +: 32] = 0;
            default: ;
        endcase
    end
endmodule

// Parameter blocks of the rows, as the array and the requantisers see them.
module fault_parameters (
    input fault_t fault,
    input wire [128*`ROWS-1:0] told,
    output reg [128*`ROWS-1:0] parameters
);
    integer r, next;
    always @* begin
        parameters = told;
        next = 0;
        if (fault.number != 0)
            for (r = 0; r < `ROWS; r = r + 1) begin
                next = (r + 1) % `ROWS;
                case (fault.number)
                    `F_NEIGHBOUR_MULTIPLIER: parameters[128*r + 64 +: 32] = told[128*next + 64 +: 32];
                    `F_SHIFT_MORE: parameters[128*r + 96 +: 8] = told[128*r + 96 +: 8] + 8'd1;
                    `F_SHIFT_LESS:
                        if (told[128*r + 96 +: 8] != 0)
                            parameters[128*r + 96 +: 8] = told[128*r + 96 +: 8] - 8'd1;
                    `F_NO_BIAS: parameters[128*r +: 64] = 0;
                    `F_BIAS_TWICE: parameters[128*r +: 64] = told[128*r +: 64] << 1;
                    `F_NEIGHBOUR_BIAS: parameters[128*r +: 64] = told[128*next +: 64];
                    `F_NO_SHORTCUT: parameters[128*r + 104 +: 16] = 0;
                    `F_SHORTCUT_SHIFT: parameters[128*r + 120 +: 8] = told[128*r + 120 +: 8] + 8'd1;
                    default: ;
                endcase
            end
    end
endmodule

// Kernels by row, lane, tap; those of nine taps may lie turned.
module fault_weights (
    input fault_t fault,
    input pass_t pass,
    input wire [16*`KERNEL_ELEMENTS-1:0] told,
    output reg [16*`KERNEL_ELEMENTS-1:0] weights
);
    wire square = pass.tap_rows == 3 && pass.tap_cols == 3;
    integer k, tap;
    always @* begin
        weights = told;
        tap = 0;
        if (square && (fault.number == `F_KERNEL_TRANSPOSED || fault.number == `F_KERNEL_ROTATED))
            for (k = 0; k < `KERNEL_ELEMENTS; k = k + 1) begin
                tap = k % `TAPS;
                tap = fault.number == `F_KERNEL_ROTATED ? 8 - tap : 3 * (tap % 3) + tap / 3;
                weights[16*k +: 16] = told[16*(k / `TAPS * `TAPS + tap) +: 16];
            end
    end
endmodule

// Activations by pixel, tap, lane: products that are not there.
module fault_products (
    input fault_t fault,
    input pass_t pass,
    input wire [`ACT*`LANES*`TAPS*`PIX-1:0] told,
    output reg [`ACT*`LANES*`TAPS*`PIX-1:0] acts
);
    integer k;
    always @* begin
        acts = told;
        if (fault.number == `F_NO_FIRST_PASS && pass.block_first) acts = 0;
        if (fault.number == `F_NO_LAST_PASS && pass.block_last) acts = 0;
        if (!pass.residual && (fault.number == `F_DEAD_LANE || fault.number == `F_DEAD_TAP))
            for (k = 0; k < `LANES * `TAPS * `PIX; k = k + 1)
                if (fault.at == (fault.number == `F_DEAD_LANE ? k % `LANES : k / `LANES % `TAPS))
                    acts[`ACT*k +: `ACT] = 0;
    end
endmodule

// The bank row that stands where bank row `row` belongs.
`define OTHER_ROW(row) (fault.number != `F_BANKS_SWAPPED ? (row) \
    : (row) == fault.at ? (fault.at + 1) % `BANK_ROWS : (row) == (fault.at + 1) % `BANK_ROWS ? fault.at : (row))
`define ROW_PORTS (`BANK_COLS * `BANK_CHANNELS)

// Requests on their way to the banks of activation SRAM.
module fault_requests (
    input fault_t fault,
    input wire [32*`BANKS*`BANK_CHANNELS-1:0] told_word,
    input wire [32*`BANKS*`BANK_CHANNELS-1:0] told_lane,
    output reg [32*`BANKS*`BANK_CHANNELS-1:0] read_word,
    output reg [32*`BANKS*`BANK_CHANNELS-1:0] read_lane
);
    integer p, q;
    always @* begin
        read_word = told_word;
        read_lane = told_lane;
        q = 0;
        if (fault.number == `F_BANKS_SWAPPED)
            for (p = 0; p < `BANKS * `BANK_CHANNELS; p = p + 1) begin
                q = `OTHER_ROW(p / `ROW_PORTS) * `ROW_PORTS + p % `ROW_PORTS;
                read_word[32*p +: 32] = told_word[32*q +: 32];
                read_lane[32*p +: 32] = told_lane[32*q +: 32];
            end
    end
endmodule

// Words on their way from the banks to the window reader.
module fault_reads (
    input fault_t fault,
    input wire [16*`LANES*`BANKS*`BANK_CHANNELS-1:0] told,
    output reg [16*`LANES*`BANKS*`BANK_CHANNELS-1:0] read_data
);
    integer p, q, l, from;
    always @* begin
        read_data = told;
        {q, from} = 0;
        if (fault.number == `F_BANKS_SWAPPED || fault.number == `F_LANES_REVERSED || fault.number == `F_INPUT_BIT)
            for (p = 0; p < `BANKS * `BANK_CHANNELS; p = p + 1) begin
                q = `OTHER_ROW(p / `ROW_PORTS) * `ROW_PORTS + p % `ROW_PORTS;
                for (l = 0; l < `LANES; l = l + 1) begin
                    from = q * `LANES + (fault.number == `F_LANES_REVERSED ? `LANES - 1 - l : l);
                    read_data[16*(p*`LANES + l) +: 16] = told[16*from +: 16];
                    if (fault.number == `F_INPUT_BIT) read_data[16*(p*`LANES + l) + fault.at] = 0;
                end
            end
    end
endmodule

// Sums on their way to the requantisers, by row and pixel.
module fault_sums (
    input fault_t fault,
    input wire [`ACC_BITS*`OUTPUTS-1:0] told,
    output reg [`ACC_BITS*`OUTPUTS-1:0] accumulators
);
    integer k;
    reg signed [`ACC_BITS-1:0] sum;
    always @* begin
        accumulators = told;
        sum = 0;
        if (fault.number == `F_SHORT_ACCUMULATOR || fault.number == `F_DEAD_ROW)
            for (k = 0; k < `OUTPUTS; k = k + 1) begin
                sum = told[`ACC_BITS*k +: `ACC_BITS];
                if (fault.number == `F_SHORT_ACCUMULATOR)
                    sum = (sum <<< (`ACC_BITS - 16)) >>> (`ACC_BITS - 16);
                else if (fault.at == k / `PIX) sum = 0;
                accumulators[`ACC_BITS*k +: `ACC_BITS] = sum;
            end
    end
endmodule

// Words on their way into activation SRAM.
module fault_writes (
    input fault_t fault,
    input wire [16*`LANES*`PATCH_WORDS-1:0] told,
    output reg [16*`LANES*`PATCH_WORDS-1:0] write_data
);
    integer k, from;
    always @* begin
        write_data = told;
        from = 0;
        if (fault.number == `F_OUTPUT_BIT || fault.number == `F_LANES_ROTATED)
            for (k = 0; k < `LANES * `PATCH_WORDS; k = k + 1)
                if (fault.number == `F_OUTPUT_BIT) write_data[16*k + fault.at] = 1;
                else begin
                    from = k / `LANES * `LANES + (k + `LANES - 1) % `LANES;
                    write_data[16*k +: 16] = told[16*from +: 16];
                end
    end
endmodule
