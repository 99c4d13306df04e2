// One processing element: a row of the array at one pixel of the tile. Nine taps of `LANES` multipliers, one adder
// tree, an accumulator and a drain register for each patch of a block.
//
// A step adds the exact sum of its products, or the shortcut's element times its factor, in one addition.
`include "types.svh"

module pe #(parameter ROW = 0) (
    input wire clk,
    input wire step,
    input wire [31:0] patch,
    input pass_t pass,
    input wire [`ACT*`LANES*`TAPS-1:0] acts,
    input wire [16*`LANES*`TAPS-1:0] weights,
    input wire [127:0] parameters,
    input wire [31:0] drain_patch,
    output wire [`ACC_BITS-1:0] drained
);
    reg signed [`ACC_BITS-1:0] accumulator [0:`ACCUMULATORS-1];
    reg signed [`ACC_BITS-1:0] register [0:`ACCUMULATORS-1];
    assign drained = register[drain_patch];

    wire signed [63:0] bias = parameters[63:0];
    wire signed [15:0] factor = parameters[119:104];
    wire [7:0] shift = parameters[127:120];

    // Brings a sum into the accumulator: the low bits, or the nearest value it holds.
    function automatic signed [`ACC_BITS-1:0] fit(input signed [95:0] sum);
        reg signed [95:0] most;
        begin
            most = (96'sd1 <<< (`ACC_BITS - 1)) - 1;
            fit = sum[`ACC_BITS-1:0];
            if (`ACC_SATURATE != 0) begin
                if (sum > most) fit = most[`ACC_BITS-1:0];
                if (sum < -most - 1) fit = ~most[`ACC_BITS-1:0];
            end
        end
    endfunction

    reg signed [47:0] sum;
    reg signed [95:0] addend;
    reg signed [`ACT-1:0] act;
    reg signed [15:0] weight;
    reg signed [`ACC_BITS-1:0] from, to;
    reg [31:0] lane;
    integer tap, l;
    always @(posedge clk) begin
        if (step) begin
            if (pass.residual) begin
                // The lane that holds this row's channel, if the word does.
                lane = pass.out_channel + ROW - pass.channel / `LANES * `LANES;
                act = lane < `LANES ? acts[`ACT*lane +: `ACT] : 0;
                addend = {{(96 - `ACT){act[`ACT-1]}}, act};
                addend = (addend * factor) <<< shift;
                if (act == 0) addend = 0;
            end else begin
                sum = 0;
                for (tap = 0; tap < `TAPS; tap = tap + 1)
                    for (l = 0; l < `LANES; l = l + 1) begin
                        act = acts[`ACT*(tap*`LANES + l) +: `ACT];
                        // A multiplier without an activation rests: its weight may be anything.
                        if (act != 0) begin
                            weight = weights[16*(l*`TAPS + tap) +: 16];
                            sum = sum + act * weight;
                        end
                    end
                addend = {{48{sum[47]}}, sum};
            end
            from = pass.block_first ? fit({{32{bias[63]}}, bias}) : accumulator[patch];
            to = fit({{(96 - `ACC_BITS){from[`ACC_BITS-1]}}, from} + addend);
            accumulator[patch] <= to;
            if (pass.block_last) register[patch] <= to;
        end
    end
endmodule
