// Registers of the chip, of its layers and of its operations: filled once before the run, read by index.
`include "types.svh"

module descriptors (
    output wire [`CHIP_BITS-1:0] chip,
    // Operations and layers as the units look at them.
    input wire [31:0] op_a, op_b, op_c, op_d, op_e,
    output wire [`OP_BITS-1:0] regs_a, regs_b, regs_c, regs_d, regs_e,
    input wire [31:0] layer_a, layer_b, layer_c, layer_d, layer_e,
    output wire [`LAYER_BITS-1:0] layer_regs_a, layer_regs_b, layer_regs_c, layer_regs_d, layer_regs_e,
    // The kind of each operation; which are Loads of one layer.
    output wire [3*`OPS_MAX-1:0] kinds,
    input wire [31:0] loads_of,
    output wire [`OPS_MAX-1:0] loads
);
    reg [63:0] chip_words [0:31];
    reg [63:0] layer_words [0:64*`LAYERS_MAX-1];
    reg [63:0] op_words [0:24*`OPS_MAX-1];

    genvar i;
    generate
        for (i = 0; i < 32; i = i + 1) begin : chip_bus
            assign chip[64*i +: 64] = chip_words[i];
        end
        for (i = 0; i < `OPS_MAX; i = i + 1) begin : kind_bus
            wire [63:0] kind = op_words[24*i];
            assign kinds[3*i +: 3] = kind[2:0];
            wire [63:0] layer = op_words[24*i + 1];
            assign loads[i] = i < `REG(chip, `C_OPS) && kind[2:0] == `KIND_LOAD && layer[31:0] == loads_of;
        end
        for (i = 0; i < 24; i = i + 1) begin : op_bus
            assign regs_a[64*i +: 64] = op_words[24*op_a + i];
            assign regs_b[64*i +: 64] = op_words[24*op_b + i];
            assign regs_c[64*i +: 64] = op_words[24*op_c + i];
            assign regs_d[64*i +: 64] = op_words[24*op_d + i];
            assign regs_e[64*i +: 64] = op_words[24*op_e + i];
        end
        for (i = 0; i < 64; i = i + 1) begin : layer_bus
            assign layer_regs_a[64*i +: 64] = layer_words[64*layer_a + i];
            assign layer_regs_b[64*i +: 64] = layer_words[64*layer_b + i];
            assign layer_regs_c[64*i +: 64] = layer_words[64*layer_c + i];
            assign layer_regs_d[64*i +: 64] = layer_words[64*layer_d + i];
            assign layer_regs_e[64*i +: 64] = layer_words[64*layer_e + i];
        end
    endgenerate
endmodule
