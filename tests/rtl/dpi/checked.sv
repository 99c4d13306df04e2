// The chip and the golden model in one simulation: when the run has ended, what it left in DRAM is compared layer by
// layer and word by word through libgolden.
//
// The golden model computes each layer from what the RTL left as the layer's operands, so that the first layer with a
// mismatch is the one that went wrong; an operand that stayed in the chip's SRAM is the golden one.
//
// Beside what the bench takes: +network=FILE the frozen network, +chip=FILE the chip; +flip=BYTE turns the lowest bit of
// one byte of DRAM after the run.
`include "types.svh"

module checked;
    `include "golden.svh"

    bench bench ();

    chandle golden;
    longint flip;
    // First byte in DRAM of each layer's output, with GOLDEN_INPUT of the network's input; -1: not there.
    longint starts [GOLDEN_INPUT:`LAYERS_MAX-1];
    longint words, wrong;
    int layers;

    function automatic void refused(string what);
        $display("error: %s: %s", what, golden_message(golden));
        $fatal(1);
    endfunction

    // Word `n` of an operation.
    function automatic longint op(int i, int n);
        return bench.chip.descriptors.op_words[24 * i + n];
    endfunction

    // Word `n` of a layer.
    function automatic longint register(int layer, int n);
        return bench.chip.descriptors.layer_words[64 * layer + n];
    endfunction

    // Where a Load or Store has the first row of its tensor, image 0.
    function automatic longint start(int i);
        return op(i, `O_ADDRESS) - op(i, `O_FIRST_ROW) * op(i, `O_WIDTH) * op(i, `O_CHANNELS) * op(i, `O_ELEMENT);
    endfunction

    // Takes from the operations which tensors lie in DRAM, and where.
    function automatic void find();
        int layer, operand;
        foreach (starts[i]) starts[i] = -1;
        // DRAM begins with the network's input.
        starts[GOLDEN_INPUT] = 0;
        for (int i = 0; i < `REG(bench.regs, `C_OPS); i++) begin
            layer = int'(op(i, `O_LAYER));
            case (op(i, `O_KIND))
                // A layer of the host has no kernel; its Loads bring its result back.
                `KIND_LOAD: if (op(i, `O_IMAGE) == 0 && register(layer, `L_KERNEL) != 0) begin
                    // The shortcut is what goes elsewhere than the input.
                    operand = op(i, `O_BUFFER) == register(layer, `L_IN_BUFFER) ? 0 : 1;
                    starts[golden_source(golden, layer, operand)] = start(i);
                end
                `KIND_STORE: if (op(i, `O_IMAGE) == 0) starts[layer] = start(i);
                `KIND_HOST: if (starts[layer] < 0) starts[layer] = op(i, `O_RESULT);
                default: ;
            endcase
        end
    endfunction

    function automatic byte unsigned dram(longint at);
        return bench.dram.bytes[at] ^ (at == flip ? 8'd1 : 8'd0);
    endfunction

    // Value `n` of a tensor in DRAM: one or two bytes, two's complement where it may be negative.
    function automatic int stored(int layer, longint n);
        bit wide = golden_most(golden, layer) - golden_least(golden, layer) > 255;
        longint at = starts[layer] + (wide ? 2 * n : n);
        stored = wide ? {16'd0, dram(at + 1), dram(at)} : {24'd0, dram(at)};
        if (stored > golden_most(golden, layer)) stored -= wide ? 65536 : 256;
    endfunction

    // Value `n` of a tensor that the chip kept: the golden one.
    function automatic int kept(int layer, longint n);
        if (golden_compare(golden, layer, n, 0, kept) == GOLDEN_ERROR) refused("compare");
    endfunction

    function automatic void feed(int layer, int operand);
        int source = golden_source(golden, layer, operand);
        int value;
        for (longint n = 0; n < golden_size(golden, source); n++) begin
            value = starts[source] < 0 ? kept(source, n) : stored(source, n);
            if (golden_put(golden, layer, operand, n, value) != GOLDEN_OK) refused("put");
        end
    endfunction

    function automatic void compare(int layer);
        int found, expected;
        layers++;
        for (longint n = 0; n < golden_size(golden, layer); n++) begin
            words++;
            found = stored(layer, n);
            case (golden_compare(golden, layer, n, found, expected))
                GOLDEN_OK: ;
                GOLDEN_DIFFERS: begin
                    if (wrong == 0)
                        $display("MISMATCH: layer %s, index %0d: expected %0d, found %0d",
                            golden_layer_name(golden, layer), n, expected, found);
                    wrong++;
                end
                default: refused("compare");
            endcase
        end
    endfunction

    function automatic void check();
        string network, chip;
        if (!$value$plusargs("network=%s", network)) network = "";
        if (!$value$plusargs("chip=%s", chip)) chip = "";
        if (!$value$plusargs("flip=%d", flip)) flip = -1;
        golden = golden_open(network, chip);
        if (golden_layers(golden) == GOLDEN_NONE) refused("open");
        find();
        for (int layer = 0; layer < golden_layers(golden); layer++) begin
            for (int operand = 0; operand < golden_operands(golden, layer); operand++) feed(layer, operand);
            if (golden_compute(golden, layer) != GOLDEN_OK) refused("compute");
            if (starts[layer] >= 0) compare(layer);
        end
        golden_close(golden);
    endfunction

    final begin
        if (!bench.finished) $fatal(1);
        check();
        if (wrong != 0) begin
            $display("MISMATCH: %0d of %0d words in DRAM differ", wrong, words);
            $fatal(1);
        end
        $display("OK: %0d words of %0d layers in DRAM are the golden ones", words, layers);
    end
endmodule
