// Kernel loader: reads the kernel of the pass behind the one under way into the second kernel bank, as many bytes a
// cycle as the weight port is wide, idle rows and lanes included.
//
// It starts when the pass under way starts (for the first of a layer: after setup) and the slot is filled. With the
// first kernel of a Sweep it takes the row group's parameters. A residual pass has no kernel.
`include "types.svh"

module kernel (
    input wire clk,
    input wire reset,
    input wire [`CHIP_BITS-1:0] chip,
    // The pass whose kernel is read next, from its walker.
    input pass_t target,
    input wire target_valid,
    input wire [31:0] weight_bytes,
    output wire advance,
    // Sequencer.
    input wire [31:0] begun,
    input wire [31:0] layer,
    input wire in_setup,
    output reg [31:0] kernels,
    output wire slot_filled,
    // Weight slots: fills so far; the slot read.
    input wire [31:0] filled,
    output wire [31:0] slot,
    input wire [16*`KERNEL_ELEMENTS-1:0] slot_bytes,
    input wire [128*`ROWS-1:0] slot_parameters,
    // To the array: 16 bits an element, by row, lane, tap.
    input wire kernel_bank,
    output wire [16*`KERNEL_ELEMENTS-1:0] weights,
    input wire [1:0] array_parameters,
    output wire [128*`ROWS-1:0] parameters,
    input wire [1:0] drain_parameters,
    output wire [128*`ROWS-1:0] drained_parameters,
    // Bytes over the port in this cycle.
    output wire [31:0] port_bytes
);
    reg [16*`KERNEL_ELEMENTS-1:0] bank0, bank1;
    reg [128*`ROWS-1:0] parameter_bank [0:3];
    reg [31:0] position;
    // Place of the next byte in the kernel bank.
    reg [31:0] lane, tap, half;

    assign weights = kernel_bank ? bank1 : bank0;
    assign parameters = parameter_bank[array_parameters];
    assign drained_parameters = parameter_bank[drain_parameters];

    assign slot = target.fill % `REG(chip, `C_SLOTS);
    assign slot_filled = target.residual || target.fill < filled;
    wire reads = target_valid && kernels == begun && target.layer == layer && !in_setup && slot_filled;
    wire [31:0] total = `ROWS * `LANES * target.weight_taps * weight_bytes;
    wire [31:0] left = total - position;
    assign port_bytes = !reads ? 0 : left < `REG(chip, `C_WEIGHT_PORT) ? left : `REG(chip, `C_WEIGHT_PORT);
    assign advance = reads && port_bytes == left;

    integer i;
    reg [7:0] value;
    reg [31:0] at, to_lane, to_tap, to_half;
    reg [16*`KERNEL_ELEMENTS-1:0] bank;
    always @(posedge clk) begin
        if (reset) begin
            {kernels, position, lane, tap, half} <= 0;
        end else if (reads) begin
            bank = kernels[0] ? bank1 : bank0;
            {to_lane, to_tap, to_half} = {lane, tap, half};
            for (i = 0; i < port_bytes; i = i + 1) begin
                value = slot_bytes[8*(position + i) +: 8];
                at = to_lane * `TAPS + to_tap;
                // One byte is a whole weight, or half of one.
                if (to_half == 1) bank[16*at + 8 +: 8] = value;
                else bank[16*at +: 16] = {{8{value[7]}}, value};
                to_half = to_half + 1;
                if (to_half == weight_bytes) begin
                    to_half = 0;
                    to_tap = to_tap + 1;
                    if (to_tap == target.weight_taps) begin
                        to_tap = 0;
                        to_lane = to_lane + 1;
                    end
                end
            end
            if (kernels[0]) bank1 <= bank;
            else bank0 <= bank;
            {lane, tap, half} <= {to_lane, to_tap, to_half};
            position <= position + port_bytes;
            if (advance) begin
                kernels <= kernels + 1;
                {position, lane, tap, half} <= 0;
                if (target.sweep_first) parameter_bank[target.bank] <= slot_parameters;
            end
        end
    end
endmodule
