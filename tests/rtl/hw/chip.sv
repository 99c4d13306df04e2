// The chip: descriptors, DMA, weight slots, kernel loader, activation SRAM, window reader, array, drain, sequencer.
`include "types.svh"

module chip (
    input wire clk,
    input wire reset,
    input fault_t fault,
    // DRAM.
    output wire [`CHIP_BITS-1:0] regs,
    output wire issue,
    output wire issue_store,
    output wire [31:0] address,
    output wire [`BURST_MAX-1:0] store_on,
    output wire [8*`BURST_MAX-1:0] store_data,
    input wire back,
    input wire [8*`BURST_MAX-1:0] back_data,
    // Host: a call and its operation; the call ends with this cycle.
    output wire calls,
    output wire [`OP_BITS-1:0] call,
    input wire returns,
    output wire finished
);
    wire [3*`OPS_MAX-1:0] kinds;
    reg [`OPS_MAX-1:0] ended, stepped;

    // Descriptors: a the sequencer's next Sweep or call, b the loader's, c the issuing DMA operation, d the arriving one,
    // e the Fetch whose bytes go into slots; layer d is that of the pass under way.
    wire [31:0] next_op, load_op, dma_op, back_op;
    wire [`OP_BITS-1:0] next_regs, load_regs, dma_regs, back_regs, fetch_regs;
    wire [`LAYER_BITS-1:0] next_layer, load_layer, dma_layer, told_layer, layer_regs, fetch_layer;
    reg [31:0] fetch_before;
    pass_t pass, next, target;
    wire back_is_fetch = `REG(back_regs, `O_KIND) == `KIND_FETCH;
    wire fetch_arrives = back && back_is_fetch;
    wire [31:0] fetch_op = fetch_arrives ? back_op : fetch_before;
    descriptors descriptors (
        .chip(regs), .kinds(kinds), .loads_of(layer_before), .loads(loads),
        .op_a(next_op), .op_b(load_op), .op_c(dma_op), .op_d(back_op), .op_e(fetch_op),
        .regs_a(next_regs), .regs_b(load_regs), .regs_c(dma_regs), .regs_d(back_regs), .regs_e(fetch_regs),
        .layer_a(`REG(next_regs, `O_LAYER)), .layer_b(`REG(load_regs, `O_LAYER)),
        .layer_c(`REG(dma_regs, `O_LAYER)), .layer_d(pass.layer), .layer_e(`REG(fetch_regs, `O_LAYER)),
        .layer_regs_a(next_layer), .layer_regs_b(load_layer), .layer_regs_c(dma_layer),
        .layer_regs_d(told_layer), .layer_regs_e(fetch_layer)
    );
    fault_layer fault_layer (.fault(fault), .told(told_layer), .layer(layer_regs));

    // Sequencer and its walk over the passes.
    wire begins, in_setup, enters, active, patch_first, step, pass_ends, words_in, slot_filled, next_valid;
    wire drain_idle, dma_done;
    wire [31:0] begun, kernels, layer, layer_before, patch;
    wire [`OPS_MAX-1:0] loads;
    assign call = next_regs;
    wire [`ACCUMULATORS-1:0] full;
    wire [3:0] cause;
    walker #(.HOSTS(1)) next_walker (
        .clk(clk), .reset(reset), .advance(begins || calls), .chip(regs), .kinds(kinds),
        .op(next_op), .sweep(next_regs), .layer(next_layer), .valid(next_valid), .pass(next)
    );
    sequencer sequencer (
        .clk(clk), .reset(reset), .chip(regs), .kinds(kinds), .ended(ended),
        .next(next), .next_valid(next_valid), .next_sweep(next_regs),
        .kernels(kernels), .slot_filled(slot_filled), .words_in(words_in), .full(full),
        .drain_idle(drain_idle), .dma_done(dma_done),
        .returns(returns), .loads_left(|(loads & ~ended)),
        .calls(calls), .layer_before(layer_before), .begins(begins), .begun(begun), .in_setup(in_setup), .layer(layer), .enters(enters),
        .pass(pass), .active(active), .patch(patch), .patch_first(patch_first),
        .step(step), .pass_ends(pass_ends), .cause(cause), .finished(finished)
    );

    // DMA.
    wire back_first, back_last, issue_first;
    wire [31:0] back_address, released, filled;
    dma dma (
        .clk(clk), .reset(reset), .chip(regs), .kinds(kinds), .ended(ended), .stepped(stepped), .released(released),
        .op(dma_op), .regs(dma_regs), .layer(dma_layer),
        .back_op(back_op), .back_first(back_first), .back_last(back_last), .back_address(back_address),
        .issue(issue), .issue_store(issue_store), .issue_first(issue_first), .address(address),
        .back(back), .done(dma_done)
    );
    wire [32*`BURST_MAX-1:0] store_element, load_element;
    wire [`BURST_MAX-1:0] store_half, load_on, load_half;
    transfer store (
        .clk(clk), .chip(regs), .op(dma_regs), .moves(issue && issue_store), .first(issue_first), .address(address),
        .on(store_on), .element(store_element), .half(store_half)
    );
    transfer load (
        .clk(clk), .chip(regs), .op(back_regs), .moves(back && `REG(back_regs, `O_KIND) == `KIND_LOAD),
        .first(back_first), .address(back_address),
        .on(load_on), .element(load_element), .half(load_half)
    );

    // Weights.
    wire [31:0] slot, port_bytes;
    wire [16*`KERNEL_ELEMENTS-1:0] slot_bytes, told_weights, weights;
    wire [128*`ROWS-1:0] slot_parameters, told_parameters, parameters, told_drained, drained_parameters;
    wire load_advance, load_valid;
    wire [1:0] drain_parameters;
    wire stale = fault.number == `F_STALE_SLOT && target.fill != 0;
    wire [31:0] weight_slot = stale ? (target.fill - 1) % `REG(regs, `C_SLOTS) : slot;
    slots slots (
        .clk(clk), .reset(reset), .chip(regs),
        .arrives(fetch_arrives), .first(back_first), .address(back_address), .data(back_data),
        .fetch(fetch_regs), .layer(fetch_layer),
        .frees(pass_ends && pass.frees), .freed(pass.fill), .released(released), .filled(filled),
        .slot(slot), .weight_slot(weight_slot), .slot_bytes(slot_bytes), .slot_parameters(slot_parameters)
    );
    walker load_walker (
        .clk(clk), .reset(reset), .advance(load_advance), .chip(regs), .kinds(kinds),
        .op(load_op), .sweep(load_regs), .layer(load_layer), .valid(load_valid), .pass(target)
    );
    wire [31:0] last_begun = begun - 1;
    kernel kernel (
        .clk(clk), .reset(reset), .chip(regs),
        .target(target), .target_valid(load_valid), .weight_bytes(`REG(load_layer, `L_WEIGHT_BYTES)),
        .advance(load_advance), .begun(begun), .layer(layer), .in_setup(in_setup), .kernels(kernels),
        .slot_filled(slot_filled), .filled(filled), .slot(slot), .slot_bytes(slot_bytes),
        .slot_parameters(slot_parameters), .kernel_bank(last_begun[0]), .weights(told_weights),
        .array_parameters(pass.bank), .parameters(told_parameters),
        .drain_parameters(drain_parameters), .drained_parameters(told_drained), .port_bytes(port_bytes)
    );
    fault_weights fault_weights (.fault(fault), .pass(pass), .told(told_weights), .weights(weights));
    fault_parameters array_fault (.fault(fault), .told(told_parameters), .parameters(parameters));
    fault_parameters drain_fault (.fault(fault), .told(told_drained), .parameters(drained_parameters));

    // Activations.
    wire [32*`BANKS*`BANK_CHANNELS-1:0] told_word, told_lane, read_word, read_lane;
    wire [16*`LANES*`BANKS*`BANK_CHANNELS-1:0] told_data, read_data;
    wire [`PATCH_WORDS-1:0] write;
    wire [32*`PATCH_WORDS-1:0] write_bank, write_word;
    wire [`LANES*`PATCH_WORDS-1:0] write_lanes;
    wire [16*`LANES*`PATCH_WORDS-1:0] drained_data, write_data;
    sram sram (
        .clk(clk), .read_word(read_word), .read_lane(read_lane), .read_data(told_data),
        .write(write), .write_bank(write_bank), .write_word(write_word), .write_lanes(write_lanes),
        .write_data(write_data),
        .store_element(store_element), .store_half(store_half), .store_data(store_data),
        .load(load_on), .load_element(load_element), .load_half(load_half), .load_data(back_data)
    );
    fault_requests fault_requests (
        .fault(fault), .told_word(told_word), .told_lane(told_lane), .read_word(read_word), .read_lane(read_lane)
    );
    fault_reads fault_reads (.fault(fault), .told(told_data), .read_data(read_data));
    wire [31:0] reads;
    wire [`ACT*`LANES*`TAPS*`PIX-1:0] told_acts, acts;
    window window (
        .clk(clk), .fault(fault), .chip(regs), .layer(layer_regs), .pass(pass), .active(active), .patch(patch),
        .patch_first(patch_first), .read_word(told_word), .read_lane(told_lane), .read_data(read_data),
        .reads(reads), .words_in(words_in), .acts(told_acts)
    );
    fault_products fault_products (.fault(fault), .pass(pass), .told(told_acts), .acts(acts));

    // The array: rows by pixels of the tile.
    wire [`ACC_BITS*`OUTPUTS-1:0] sums, accumulators;
    pass_t summed;
    always @* begin
        summed = pass;
        if (fault.number == `F_NOT_CLEARED) summed.block_first = pass.sweep_first;
    end
    wire [31:0] drain_patch;
    genvar r, p;
    generate
        for (r = 0; r < `ROWS; r = r + 1) begin : row
            for (p = 0; p < `PIX; p = p + 1) begin : pixel
                wire dead = fault.number == `F_DEAD_PE && fault.at == r * `PIX + p;
                pe #(.ROW(r)) pe (
                    .clk(clk), .step(step), .patch(patch), .pass(summed),
                    .acts(dead ? 0 : acts[`ACT*`LANES*`TAPS*p +: `ACT*`LANES*`TAPS]),
                    .weights(weights[16*`LANES*`TAPS*r +: 16*`LANES*`TAPS]),
                    .parameters(parameters[128*r +: 128]),
                    .drain_patch(drain_patch),
                    .drained(sums[`ACC_BITS*(r*`PIX + p) +: `ACC_BITS])
                );
            end
        end
    endgenerate
    fault_sums fault_sums (.fault(fault), .told(sums), .accumulators(accumulators));
    wire [31:0] outputs, words, drained_op;
    wire sweep_drained;
    drain drain (
        .clk(clk), .reset(reset), .chip(regs), .layer(layer_regs),
        .fills(step && pass.block_last), .patch(patch), .pass(pass), .sweep_ends(pass_ends && pass.sweep_last),
        .full(full), .idle(drain_idle), .drain_patch(drain_patch), .drain_parameters(drain_parameters),
        .accumulators(accumulators), .parameters(drained_parameters),
        .write(write), .write_bank(write_bank), .write_word(write_word), .write_lanes(write_lanes),
        .write_data(drained_data), .outputs(outputs), .words(words),
        .sweep_drained(sweep_drained), .sweep(drained_op)
    );
    fault_writes fault_writes (.fault(fault), .told(drained_data), .write_data(write_data));

    // What is over.
    reg [31:0] called_before;
    wire [31:0] called = calls ? next_op : called_before;
    always @(posedge clk) begin
        if (reset) begin
            called_before <= 0;
            ended <= 0;
            stepped <= 0;
            fetch_before <= 0;
        end else begin
            if (back && back_last) ended[back_op] <= 1;
            if (sweep_drained) ended[drained_op] <= 1;
            if (pass_ends && pass.sweep_last) stepped[pass.op] <= 1;
            if (returns) ended[called] <= 1;
            called_before <= called;
            fetch_before <= fetch_op;
        end
    end

    counters counters (
        .clk(clk), .reset(reset), .layer(layer), .enters(enters), .finished(finished), .step(step), .cause(cause),
        .reads(reads), .words(words), .port_bytes(port_bytes), .outputs(outputs)
    );
endmodule
