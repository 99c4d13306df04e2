// Activation SRAM: banks of words of `LANES` elements.
//
// The array reads at most `BANK_CHANNELS` words of a bank in a cycle, at any lane: the lanes of a bank are memories
// of their own, so a word may begin in the middle of one and end in the next. Drains write whole elements, the DMA
// reads and writes bytes, each over a port of its own.
`include "types.svh"

module sram (
    input wire clk,
    // Reads of the array: by bank and port, word and first lane.
    input wire [32*`BANKS*`BANK_CHANNELS-1:0] read_word,
    input wire [32*`BANKS*`BANK_CHANNELS-1:0] read_lane,
    output wire [16*`LANES*`BANKS*`BANK_CHANNELS-1:0] read_data,
    // Writes of the drain: bank and word, which lanes.
    input wire [`PATCH_WORDS-1:0] write,
    input wire [32*`PATCH_WORDS-1:0] write_bank,
    input wire [32*`PATCH_WORDS-1:0] write_word,
    input wire [`LANES*`PATCH_WORDS-1:0] write_lanes,
    input wire [16*`LANES*`PATCH_WORDS-1:0] write_data,
    // DMA, byte by byte: element (bank, word, lane as one number), which of its bytes.
    input wire [32*`BURST_MAX-1:0] store_element,
    input wire [`BURST_MAX-1:0] store_half,
    output wire [8*`BURST_MAX-1:0] store_data,
    input wire [`BURST_MAX-1:0] load,
    input wire [32*`BURST_MAX-1:0] load_element,
    input wire [`BURST_MAX-1:0] load_half,
    input wire [8*`BURST_MAX-1:0] load_data
);
    reg [15:0] elements [0:`BANKS*`SRAM_WORDS*`LANES-1];

    genvar p, l;
    generate
        for (p = 0; p < `BANKS * `BANK_CHANNELS; p = p + 1) begin : port
            wire [31:0] first = ((p / `BANK_CHANNELS) * `SRAM_WORDS + read_word[32*p +: 32]) * `LANES
                + read_lane[32*p +: 32];
            for (l = 0; l < `LANES; l = l + 1) begin : lane
                assign read_data[16*(p*`LANES + l) +: 16] = elements[first + l];
            end
        end
        for (p = 0; p < `BURST_MAX; p = p + 1) begin : store
            wire [15:0] element = elements[store_element[32*p +: 32]];
            assign store_data[8*p +: 8] = store_half[p] ? element[15:8] : element[7:0];
        end
    endgenerate

    integer w, i;
    always @(posedge clk) begin
        for (w = 0; w < `PATCH_WORDS; w = w + 1)
            if (write[w])
                for (i = 0; i < `LANES; i = i + 1)
                    if (write_lanes[w*`LANES + i])
                        elements[(write_bank[32*w +: 32] * `SRAM_WORDS + write_word[32*w +: 32]) * `LANES + i]
                            <= write_data[16*(w*`LANES + i) +: 16];
        if (load != 0)
            for (i = 0; i < `BURST_MAX; i = i + 1)
                if (load[i]) begin
                    if (load_half[i]) elements[load_element[32*i +: 32]][15:8] <= load_data[8*i +: 8];
                    else elements[load_element[32*i +: 32]][7:0] <= load_data[8*i +: 8];
                end
    end
endmodule
