// DRAM of the bench: flat latency, exact bandwidth, data in order.
//
// A burst leaves the bus at max(issue + latency, bus free) + burst / bandwidth, exact to the fraction: the bus is
// kept in cycles and parts of a cycle, as many as the bandwidth's numerator. Its data count from the next whole cycle
// on, so `back` is up in the cycle before.
`include "types.svh"

module dram (
    input wire clk,
    input wire reset,
    input wire [`CHIP_BITS-1:0] chip,
    input wire issue,
    input wire store,
    input wire [31:0] address,
    input wire [`BURST_MAX-1:0] bytes_on,
    input wire [8*`BURST_MAX-1:0] data,
    output wire back,
    output wire [8*`BURST_MAX-1:0] back_data
);
    reg [7:0] bytes [0:`DRAM_BYTES-1];

    reg [63:0] now;
    reg [63:0] free_cycle, free_parts;
    wire [63:0] parts = {32'd0, `REG(chip, `C_BANDWIDTH)};
    wire [63:0] burst_parts = {32'd0, `REG(chip, `C_BURST)} * {32'd0, `REG(chip, `C_BANDWIDTH_PER)};

    // The burst that is issued in this cycle.
    wire [63:0] arrival = now + {32'd0, `REG(chip, `C_LATENCY)};
    wire waits = free_cycle > arrival || (free_cycle == arrival && free_parts > 0);
    wire [63:0] sum = (waits ? free_parts : 0) + burst_parts;
    wire [63:0] end_cycle = (waits ? free_cycle : arrival) + sum / parts;
    wire [63:0] end_parts = sum % parts;
    wire [63:0] ends = end_cycle + {63'd0, end_parts != 0};

    // Bursts under way.
    reg [63:0] queue_ends [0:`IN_FLIGHT_MAX-1];
    reg [31:0] queue_address [0:`IN_FLIGHT_MAX-1];
    reg [8*`BURST_MAX-1:0] queue_data [0:`IN_FLIGHT_MAX-1];
    reg [`BURST_MAX-1:0] queue_on [0:`IN_FLIGHT_MAX-1];
    reg [`IN_FLIGHT_MAX-1:0] queue_store;
    reg [31:0] head, tail, count;

    wire empty = count == 0;
    assign back = (!empty && queue_ends[head] == now + 1) || (empty && issue && ends == now + 1);
    wire [31:0] from = empty ? address : queue_address[head];
    genvar b;
    generate
        for (b = 0; b < `BURST_MAX; b = b + 1) begin : read
            assign back_data[8*b +: 8] = bytes[from + b];
        end
    endgenerate

    wire written = back && (empty ? store : queue_store[head]);
    wire [`BURST_MAX-1:0] written_on = empty ? bytes_on : queue_on[head];
    wire [8*`BURST_MAX-1:0] written_data = empty ? data : queue_data[head];
    integer i;
    always @(posedge clk) begin
        if (reset) begin
            {now, free_cycle, free_parts, head, tail, count} <= 0;
        end else begin
            now <= now + 1;
            if (issue) begin
                free_cycle <= end_cycle;
                free_parts <= end_parts;
                queue_ends[tail] <= ends;
                queue_address[tail] <= address;
                queue_store[tail] <= store;
                queue_on[tail] <= bytes_on;
                queue_data[tail] <= data;
                tail <= (tail + 1) % `IN_FLIGHT_MAX;
            end
            if (back) head <= (head + 1) % `IN_FLIGHT_MAX;
            count <= count + {31'd0, issue} - {31'd0, back};
            if (written)
                for (i = 0; i < `BURST_MAX; i = i + 1)
                    if (written_on[i]) bytes[from + i] <= written_data[8*i +: 8];
        end
    end
endmodule
