// The array's clockwork: enters layers, begins passes, takes steps, and says for each other cycle why it has none.
//
// A pass begins when the one before has taken its last step, its kernel is in and, for the first pass of a Sweep,
// the Sweep's gates are open and the pipeline is full. One layer follows the other: the next is entered when the
// last drain has ended. In a layer of the host it calls the host, call after call, each when all it comes after has
// ended; such a layer has no setup, and is left when its Loads have ended too.
`include "types.svh"

module sequencer (
    input wire clk,
    input wire reset,
    input wire [`CHIP_BITS-1:0] chip,
    input wire [3*`OPS_MAX-1:0] kinds,
    input wire [`OPS_MAX-1:0] ended,        // operations that have ended
    // The pass that comes next.
    input pass_t next,
    input wire next_valid,
    input wire [`OP_BITS-1:0] next_sweep,
    // Kernels: read so far; the slot of the next one holds its pass.
    input wire [31:0] kernels,
    input wire slot_filled,
    // Window reader: the patch's words are all read when this cycle ends.
    input wire words_in,
    // Drains: registers that hold an output; none left.
    input wire [`ACCUMULATORS-1:0] full,
    input wire drain_idle,
    input wire dma_done,
    // Host: the call ends with this cycle; a Load of the layer of the cycle before is under way or to come.
    input wire returns,
    input wire loads_left,
    // To all others.
    output wire begins,                     // `next`, a pass, begins in this cycle
    output wire calls,                      // `next`, a call of the host, begins in this cycle
    output reg [31:0] layer_before,         // layer of the cycle before
    output wire [31:0] begun,               // passes begun, this cycle's included
    output wire in_setup,
    output wire [31:0] layer,               // layer of this cycle
    output wire enters,
    output pass_t pass,                     // the pass under way
    output wire active,
    output wire [31:0] patch,
    output wire patch_first,                // first cycle of the patch
    output wire step,
    output wire pass_ends,
    output reg [3:0] cause,                 // why there is no step
    output wire finished
);
    reg busy, in_layer, fresh, filling, on_host_before, calling;
    reg [31:0] patch_now, begun_before, setup_left, fill_left;
    reg strip_known;
    reg [31:0] strip, image;
    pass_t pass_now;

    // The last pass of a layer is over and its drains have ended: this cycle is the next layer's first.
    wire loading = on_host_before && loads_left;
    wire leaves = next.layer != layer_before && drain_idle && !loading;
    assign enters = !busy && !calling && next_valid && (!in_layer || leaves);
    assign layer = enters ? next.layer : layer_before;
    wire on_host = enters ? next.host : on_host_before;
    wire [31:0] setup = !enters ? setup_left : next.host ? 0 : `REG(chip, `C_LAYER_START);
    assign in_setup = setup != 0;
    wire next_here = next_valid && (enters || (in_layer && next.layer == layer_before));

    // Gates of a Sweep: Stores that free its output rows, Loads that bring its input rows.
    // All that a call of the host comes after.
    reg outputs_open, inputs_open, all_ended;
    reg [31:0] other;
    integer k;
    always @* begin
        outputs_open = 1;
        inputs_open = 1;
        all_ended = 1;
        for (k = 0; k < 8; k = k + 1) begin
            other = `REG(next_sweep, `O_AFTER + 1 + k);
            if (k < `REG(next_sweep, `O_AFTER) && !ended[other]) begin
                all_ended = 0;
                if (next.sweep_first && kinds[3*other +: 3] == `KIND_STORE) outputs_open = 0;
                if (next.sweep_first && kinds[3*other +: 3] == `KIND_LOAD) inputs_open = 0;
            end
        end
    end

    wire kernel_in = kernels != begun_before;
    assign calls = !calling && next_here && next.host && all_ended;
    wire ready = !busy && next_here && !next.host && !in_setup && outputs_open && inputs_open && kernel_in;
    // The pipeline fills whenever strip or image differs from the Sweep before.
    wire other_strip = enters || !strip_known || next.strip != strip || next.image != image;
    wire [31:0] fill = filling ? fill_left : next.sweep_first && other_strip ? `REG(chip, `C_PIPELINE) : 0;
    assign begins = ready && fill == 0;

    assign begun = begins ? begun_before + 1 : begun_before;
    assign active = busy || begins;
    assign pass = begins ? next : pass_now;
    assign patch = begins ? 0 : patch_now;
    assign patch_first = begins || (busy && fresh);
    wire blocked = pass.block_last && full[patch];
    assign step = active && words_in && !blocked;
    assign pass_ends = step && patch + 1 == pass.patches;
    assign finished = !busy && !calling && !next_valid && drain_idle && dma_done;

    always @* begin
        if (on_host && (calling || next_here || loading)) cause = `HOST;
        else if (in_setup) cause = `SETUP;
        else if (active) cause = blocked ? `DRAIN : `ACT_PORT;
        else if (!next_valid) cause = drain_idle ? `OUTPUTS_WAIT : `DRAIN;
        else if (!next_here) cause = `DRAIN;
        else if (!outputs_open) cause = `OUTPUTS_WAIT;
        else if (!inputs_open) cause = `INPUTS_WAIT;
        else if (ready) cause = `FILL;
        else if (!slot_filled) cause = `WEIGHTS_WAIT;
        else cause = enters || !strip_known ? `FILL : `WEIGHT_PORT;
    end

    always @(posedge clk) begin
        if (reset) begin
            {busy, in_layer, fresh, filling, strip_known, on_host_before, calling} <= 0;
            {patch_now, begun_before, layer_before, setup_left, fill_left} <= 0;
        end else begin
            if (enters) begin
                in_layer <= 1;
                layer_before <= next.layer;
                on_host_before <= next.host;
                strip_known <= 0;
            end
            setup_left <= in_setup ? setup - 1 : 0;
            if (ready && !begins) begin
                filling <= 1;
                fill_left <= fill - 1;
            end
            if (begins) begin
                filling <= 0;
                begun_before <= begun_before + 1;
                pass_now <= next;
                strip_known <= 1;
                strip <= next.strip;
                image <= next.image;
            end
            busy <= active && !pass_ends;
            calling <= (calling || calls) && !returns;
            patch_now <= step ? patch + 1 : patch;
            fresh <= step;
        end
    end
endmodule
