// Drain: empties the drain registers, one patch at a time in the order of their steps. A cycle requantises as many
// outputs as there are requantisers and writes as many whole words as the SRAM takes.
//
// Within a pixel the words that the row group touches in part come first: so a word is ready whenever one can be
// written, and neither waits for the other.
`include "types.svh"

module drain (
    input wire clk,
    input wire reset,
    input wire [`CHIP_BITS-1:0] chip,
    input wire [`LAYER_BITS-1:0] layer,
    // A step of a block's last pass fills register `patch`.
    input wire fills,
    input wire [31:0] patch,
    input pass_t pass,
    input wire sweep_ends,                  // it is the Sweep's last step
    output reg [`ACCUMULATORS-1:0] full,
    output wire idle,
    // The register that is drained, all rows and pixels of it, and its parameters.
    output wire [31:0] drain_patch,
    output wire [1:0] drain_parameters,
    input wire [`ACC_BITS*`OUTPUTS-1:0] accumulators,
    input wire [128*`ROWS-1:0] parameters,
    // Words to the SRAM.
    output reg [`PATCH_WORDS-1:0] write,
    output reg [32*`PATCH_WORDS-1:0] write_bank,
    output reg [32*`PATCH_WORDS-1:0] write_word,
    output reg [`LANES*`PATCH_WORDS-1:0] write_lanes,
    output reg [16*`LANES*`PATCH_WORDS-1:0] write_data,
    // Outputs requantised and words written in this cycle; the Sweep whose last drain ends with it.
    output reg [31:0] outputs,
    output reg [31:0] words,
    output wire sweep_drained,
    output wire [31:0] sweep
);
    `include "place.svh"

    // What waits, in step order. Never more than there are registers.
    typedef struct packed {
        logic [31:0] patch;
        logic sweep_ends;
        pass_t pass;
    } waiting_t;
    waiting_t queue [0:`ACCUMULATORS-1];
    reg [31:0] head, count;
    waiting_t now;
    always @* now = queue[head];

    assign idle = count == 0;
    assign drain_patch = now.patch;
    assign drain_parameters = now.pass.bank;
    assign sweep = now.pass.op;

    reg [31:0] done_outputs, done_words;
    reg [16*`OUTPUTS-1:0] done;

    // Requantisers, as many as a patch has outputs; `C_REQUANTISERS` of them run.
    wire [31:0] units = `REG(chip, `C_REQUANTISERS);
    reg [`ACC_BITS*`OUTPUTS-1:0] unit_accumulator;
    reg [128*`OUTPUTS-1:0] unit_parameters;
    wire [16*`OUTPUTS-1:0] unit_out;
    genvar u;
    generate
        for (u = 0; u < `OUTPUTS; u = u + 1) begin : unit
            requantise requantise (
                .accumulator(unit_accumulator[`ACC_BITS*u +: `ACC_BITS]),
                .multiplier(unit_parameters[128*u + 64 +: 32]),
                .shift(unit_parameters[128*u + 96 +: 8]),
                .layer(layer),
                .out(unit_out[16*u +: 16])
            );
        end
    endgenerate

    // The patch: valid pixels, words of a pixel in draining order.
    wire [31:0] first = now.pass.out_channel;
    wire [31:0] last = now.pass.out_channel + now.pass.out_channels - 1;
    wire [31:0] first_word = first / `LANES;
    wire [31:0] pixel_words = last / `LANES - first_word + 1;
    wire [31:0] in_first = pixel_words == 1 ? now.pass.out_channels : `LANES - first % `LANES;
    wire [31:0] in_last = last % `LANES + 1;
    wire last_goes_first = pixel_words > 1 && in_last < in_first;

    wire [31:0] first_row = now.pass.tile_row * `TILE_H;
    wire [31:0] first_col = (now.pass.tile_col + now.patch) * `TILE_W;
    wire [31:0] height = `REG(layer, `L_OUT_H);
    wire [31:0] width = `REG(layer, `L_OUT_W);

    function automatic [31:0] word_at(input [31:0] place, input [31:0] count, input last_first);
        case (place)
            0: word_at = last_first ? count - 1 : 0;
            1: word_at = last_first ? 0 : count - 1;
            default: word_at = place - 1;
        endcase
    endfunction

    // Outputs of this cycle to the requantisers.
    integer ty, tx, k, l, n, c;
    always @* begin
        unit_accumulator = 0;
        unit_parameters = 0;
        outputs = 0;
        {n, c} = 0;
        if (!idle)
            for (ty = 0; ty < `TILE_H; ty = ty + 1)
                for (tx = 0; tx < `TILE_W; tx = tx + 1)
                    if (first_row + ty < height && first_col + tx < width)
                        for (k = 0; k < pixel_words; k = k + 1)
                            for (l = 0; l < `LANES; l = l + 1) begin
                                c = (first_word + word_at(k, pixel_words, last_goes_first)) * `LANES + l;
                                if (c >= first && c <= last) begin
                                    if (n >= done_outputs && n < done_outputs + units) begin
                                        unit_accumulator[`ACC_BITS*(n - done_outputs) +: `ACC_BITS] =
                                            accumulators[`ACC_BITS*((c - first)*`PIX + ty*`TILE_W + tx) +: `ACC_BITS];
                                        unit_parameters[128*(n - done_outputs) +: 128] =
                                            parameters[128*(c - first) +: 128];
                                        outputs = outputs + 1;
                                    end
                                    n = n + 1;
                                end
                            end
    end

    // Whole words to the SRAM.
    reg [16*`OUTPUTS-1:0] ready;
    reg all_written, whole;
    integer y, x, w, i, m, q, out_row, out_col, channel;
    always @* begin
        ready = done;
        for (m = 0; m < `OUTPUTS; m = m + 1)
            if (m < outputs) ready[16*(done_outputs + m) +: 16] = unit_out[16*m +: 16];
        {write, write_bank, write_word, write_lanes, write_data} = 0;
        words = 0;
        {m, q, out_row, out_col, channel} = 0;
        whole = 0;
        if (!idle)
            for (y = 0; y < `TILE_H; y = y + 1)
                for (x = 0; x < `TILE_W; x = x + 1)
                    if (first_row + y < height && first_col + x < width)
                        for (w = 0; w < pixel_words; w = w + 1) begin
                            out_row = first_row + y;
                            out_col = first_col + x;
                            channel = (first_word + word_at(w, pixel_words, last_goes_first)) * `LANES;
                            for (i = 0; i < `LANES; i = i + 1)
                                if (channel + i >= first && channel + i <= last) begin
                                    write_data[16*(q*`LANES + i) +: 16] = ready[16*m +: 16];
                                    write_lanes[q*`LANES + i] = 1;
                                    m = m + 1;
                                end
                            if (`REG(layer, `L_IMAGES_ARE_PIXELS) != 0) begin
                                write_bank[32*q +: 32] = bank_of(0, 0, out_col);
                                write_word[32*q +: 32] = word_of(layer[64*`L_OUT_BUFFER +: 256], 1,
                                    `REG(layer, `L_OUT_C), out_col, 0, 0, channel);
                            end else begin
                                write_bank[32*q +: 32] = bank_of(out_row, out_col, now.pass.image);
                                write_word[32*q +: 32] = word_of(layer[64*`L_OUT_BUFFER +: 256],
                                    `REG(layer, `L_OUT_W), `REG(layer, `L_OUT_C), now.pass.image,
                                    out_row, out_col, channel);
                            end
                            whole = m <= done_outputs + outputs;
                            if (whole && q >= done_words && q < done_words + `REG(chip, `C_WRITE_WORDS)) begin
                                write[q] = 1;
                                words = words + 1;
                            end
                            q = q + 1;
                        end
        all_written = done_words + words == q;
    end

    wire ends = !idle && all_written;
    assign sweep_drained = ends && now.sweep_ends;

    reg [31:0] tail;
    always @(posedge clk) begin
        if (reset) begin
            {head, count, tail, done_outputs, done_words} <= 0;
            full <= 0;
            done <= 0;
        end else begin
            if (!idle) begin
                done <= ready;
                done_outputs <= done_outputs + outputs;
                done_words <= done_words + words;
            end
            if (ends) begin
                head <= (head + 1) % `ACCUMULATORS;
                {done_outputs, done_words} <= 0;
                full[now.patch] <= 0;
            end
            if (fills) begin
                queue[tail] <= {patch, sweep_ends, pass};
                tail <= (tail + 1) % `ACCUMULATORS;
                full[patch] <= 1;
            end
            count <= count + {31'd0, fills} - {31'd0, ends};
        end
    end
endmodule
