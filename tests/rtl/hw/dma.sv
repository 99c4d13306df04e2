// DMA: Loads, Stores and Fetches strictly in the order of the list, at most one burst a cycle.
//
// A burst is issued when its operation may start, one of the places in flight is free and, for a Fetch, the slot of
// its fill is free. Data come back in order. A burst that two fills of a Fetch share is issued once.
`include "types.svh"

module dma (
    input wire clk,
    input wire reset,
    input wire [`CHIP_BITS-1:0] chip,
    input wire [3*`OPS_MAX-1:0] kinds,
    input wire [`OPS_MAX-1:0] ended,
    input wire [`OPS_MAX-1:0] stepped,      // Sweeps whose steps are over
    input wire [31:0] released,             // weight slots freed
    // The operation that issues.
    output reg [31:0] op,
    input wire [`OP_BITS-1:0] regs,
    input wire [`LAYER_BITS-1:0] layer,
    // The operation whose burst comes back.
    output wire [31:0] back_op,
    output wire back_first,
    output wire back_last,
    output wire [31:0] back_address,
    // To DRAM.
    output wire issue,
    output wire issue_store,
    output wire issue_first,
    output wire [31:0] address,
    input wire back,
    output wire done
);
    `include "fetch.svh"

    function automatic [31:0] next_op(input [31:0] from);
        integer k;
        begin
            next_op = `OPS_MAX;
            for (k = `OPS_MAX - 1; k >= 0; k = k - 1)
                if (k >= from && k < `REG(chip, `C_OPS) && kinds[3*k +: 3] != `KIND_SWEEP
                    && kinds[3*k +: 3] != `KIND_HOST) next_op = k;
        end
    endfunction

    wire valid = op < `REG(chip, `C_OPS);
    wire is_load = `REG(regs, `O_KIND) == `KIND_LOAD;
    wire is_fetch = `REG(regs, `O_KIND) == `KIND_FETCH;
    wire [31:0] burst = `REG(chip, `C_BURST);

    // A Load waits for the steps of Sweeps, everything else for the ends.
    reg may_start;
    reg [31:0] other;
    integer k;
    always @* begin
        may_start = 1;
        for (k = 0; k < 8; k = k + 1) begin
            other = `REG(regs, `O_AFTER + 1 + k);
            if (k < `REG(regs, `O_AFTER) && !ended[other])
                if (!(is_load && kinds[3*other +: 3] == `KIND_SWEEP && stepped[other])) may_start = 0;
        end
    end

    // Bytes before `issued` have been asked for; `fresh`: nothing of this operation yet.
    reg fresh;
    reg [31:0] issued_before, fill_before, pass_before;
    wire [31:0] first_fill = `REG(regs, `O_FIRST_FILL);
    wire [31:0] fill = fresh ? first_fill : fill_before;
    wire [31:0] pass = fresh ? first_fill % `REG(regs, `O_PASSES) : pass_before;
    wire [31:0] base = `REG(regs, `O_ADDRESS);
    wire [31:0] start = is_fetch ? base + fill_start(layer, regs, fill, pass) : base;
    wire [31:0] issued = fresh ? start : issued_before;
    wire slot_free = `REG(regs, `O_FILL_NUMBER) + fill - first_fill < released + `REG(chip, `C_SLOTS);

    reg [31:0] in_flight;
    assign address = issued - issued % burst;
    assign issue = valid && may_start && in_flight < `REG(chip, `C_IN_FLIGHT) && (!is_fetch || slot_free);
    assign issue_store = !is_load && !is_fetch;
    assign issue_first = fresh;

    // What is left after this burst: fills that lie in it whole need none of their own.
    reg [31:0] left_issued, left_fill, left_pass;
    reg last, more;
    always @* begin
        left_issued = address + burst;
        left_fill = fill;
        left_pass = pass;
        more = valid && is_fetch;
        last = left_issued >= base + `REG(regs, `O_BYTES);
        if (more) begin
            last = 0;
            while (more) begin
                if (left_fill == `REG(regs, `O_END_FILL)) begin
                    last = 1;
                    more = 0;
                end else if (left_issued < base + fill_end(layer, regs, left_pass)) begin
                    more = 0;
                end else begin
                    left_fill = left_fill + 1;
                    left_pass = left_pass + 1;
                    if (left_pass == `REG(regs, `O_PASSES)) begin
                        // A streamed row group starts again at its first pass.
                        left_pass = 0;
                        left_issued = base + 16 * `REG(regs, `O_ROWS);
                    end
                end
            end
        end
    end

    // Bursts in flight, in order.
    reg [31:0] flight_op [0:`IN_FLIGHT_MAX-1];
    reg [31:0] flight_address [0:`IN_FLIGHT_MAX-1];
    reg [`IN_FLIGHT_MAX-1:0] flight_first, flight_last;
    reg [31:0] head, tail;
    // Without latency a burst may come back in the cycle that issues it.
    wire at_once = in_flight == 0;
    assign back_op = at_once ? op : flight_op[head];
    assign back_address = at_once ? address : flight_address[head];
    assign back_first = at_once ? fresh : flight_first[head];
    assign back_last = at_once ? last : flight_last[head];

    assign done = !valid && in_flight == 0;

    always @(posedge clk) begin
        if (reset) begin
            op <= next_op(0);
            fresh <= 1;
            {issued_before, fill_before, pass_before, in_flight, head, tail} <= 0;
        end else begin
            if (issue) begin
                flight_op[tail] <= op;
                flight_address[tail] <= address;
                flight_first[tail] <= fresh;
                flight_last[tail] <= last;
                tail <= (tail + 1) % `IN_FLIGHT_MAX;
                fresh <= last;
                issued_before <= left_issued;
                fill_before <= left_fill;
                pass_before <= left_pass;
                if (last) op <= next_op(op + 1);
            end
            if (back) head <= (head + 1) % `IN_FLIGHT_MAX;
            in_flight <= in_flight + {31'd0, issue} - {31'd0, back};
        end
    end
endmodule
