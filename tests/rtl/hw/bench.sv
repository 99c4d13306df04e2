// The bench: reads the files of a case from +dir, runs the chip beside a DRAM and a host, writes what both hold at the end; with
// +log also each word that the array writes. +fault and +fault_at choose a fault of the chip.
`include "types.svh"

module bench;
    reg clk, reset;
    reg [1023:0] dir;
    reg [63:0] limit, cycles;

    wire [`CHIP_BITS-1:0] regs;
    wire issue, issue_store, back, finished;
    wire [31:0] address;
    wire [`BURST_MAX-1:0] store_on;
    wire [8*`BURST_MAX-1:0] store_data, back_data;
    reg [31:0] fault_number, fault_at;
    fault_t fault;
    always @* fault = {fault_number, fault_at};
    wire calls, returns;
    wire [`OP_BITS-1:0] call;
    wire [31:0] result, result_bytes, result_from;
    chip chip (
        .clk(clk), .reset(reset), .fault(fault), .regs(regs),
        .issue(issue), .issue_store(issue_store), .address(address),
        .store_on(store_on), .store_data(store_data), .back(back), .back_data(back_data),
        .calls(calls), .call(call), .returns(returns), .finished(finished)
    );
    dram dram (
        .clk(clk), .reset(reset), .chip(regs), .issue(issue), .store(issue_store), .address(address),
        .bytes_on(store_on), .data(store_data), .back(back), .back_data(back_data)
    );

    host host (
        .clk(clk), .reset(reset), .calls(calls), .call(call), .returns(returns),
        .address(result), .bytes(result_bytes), .from(result_from)
    );
    integer k;
    always @(posedge clk)
        if (returns && !reset)
            for (k = 0; k < result_bytes; k = k + 1) dram.bytes[result + k] <= host.results[result_from + k];

    integer log, w;
    always @(posedge clk)
        if (log != 0 && !reset)
            for (w = 0; w < `PATCH_WORDS; w = w + 1)
                if (chip.write[w])
                    $fdisplay(log, "%0d %0d %0d %0d %h %h", chip.counters.now, chip.drained_op,
                        chip.write_bank[32*w +: 32], chip.write_word[32*w +: 32],
                        chip.write_lanes[`LANES*w +: `LANES], chip.write_data[16*`LANES*w +: 16*`LANES]);

    integer i;
    initial begin
        log = 0;
        if (!$value$plusargs("dir=%s", dir)) begin
            $display("error: +dir=PATH is missing");
            $finish;
        end
        if ($test$plusargs("log")) log = $fopen({dir, "/writes.log"}, "w");
        if (!$value$plusargs("limit=%d", limit)) limit = 1000000;
        if (!$value$plusargs("fault=%d", fault_number)) fault_number = 0;
        if (!$value$plusargs("fault_at=%d", fault_at)) fault_at = 0;
        for (i = 0; i < 24 * `OPS_MAX; i = i + 1) chip.descriptors.op_words[i] = 0;
        for (i = 0; i < 64 * `LAYERS_MAX; i = i + 1) chip.descriptors.layer_words[i] = 0;
        $readmemh({dir, "/regs.hex"}, chip.descriptors.chip_words);
        $readmemh({dir, "/layers.hex"}, chip.descriptors.layer_words);
        $readmemh({dir, "/ops.hex"}, chip.descriptors.op_words);
        $readmemh({dir, "/dram.hex"}, dram.bytes);
        $readmemh({dir, "/host.hex"}, host.results);
        clk = 0;
        reset = 1;
        cycles = 0;
        #5 clk = 1;
        #5 clk = 0;
        reset = 0;
        if (`REG(regs, `C_BURST) > `BURST_MAX || `REG(regs, `C_IN_FLIGHT) > `IN_FLIGHT_MAX) begin
            $display("error: bursts of %0d bytes, %0d in flight", `REG(regs, `C_BURST), `REG(regs, `C_IN_FLIGHT));
            $finish;
        end
        // A run without an end gives up and leaves its files as they are.
        while (!finished && cycles < limit) begin
            #5 clk = 1;
            #5 clk = 0;
            cycles = cycles + 1;
        end
        if (!finished) $display("error: no end after %0d cycles; operations ended %b", cycles, chip.ended);
        // The last edge takes the totals.
        #5 clk = 1;
        #5 clk = 0;
        $writememh({dir, "/dump.hex"}, dram.bytes);
        $writememh({dir, "/counters.hex"}, chip.counters.values);
        if (log != 0) $fclose(log);
        if (finished) $display("ended after %0d cycles", cycles);
        $finish;
    end
endmodule
