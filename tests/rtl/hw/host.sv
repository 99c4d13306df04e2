// Host of the bench, a script: a call takes as many cycles as its operation says, and then its result, which was
// computed before the run, lies in DRAM.
`include "types.svh"

module host (
    input wire clk,
    input wire reset,
    input wire calls,
    input wire [`OP_BITS-1:0] call,
    // The call ends with this cycle: these bytes, from `from` of the results on, belong to this address of DRAM.
    output wire returns,
    output wire [31:0] address,
    output wire [31:0] bytes,
    output wire [31:0] from
);
    reg [7:0] results [0:`HOST_BYTES-1];

    reg [31:0] left_before;
    reg [`OP_BITS-1:0] call_before;
    wire [`OP_BITS-1:0] now = calls ? call : call_before;
    wire [31:0] left = calls ? `REG(call, `O_CYCLES) : left_before;
    assign returns = left == 1;
    assign address = `REG(now, `O_RESULT);
    assign bytes = `REG(now, `O_RESULT_BYTES);
    assign from = `REG(now, `O_RESULT_FROM);

    always @(posedge clk) begin
        if (reset) left_before <= 0;
        else if (left != 0) left_before <= left - 1;
        call_before <= now;
    end
endmodule
