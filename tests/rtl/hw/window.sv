// Window reader: brings the words under the taps of a patch from the banks, and holds them.
//
// Needed is each stored pixel under a used tap of a valid output, once; with reuse, columns of the patch before are
// there already, unless the patch is the first of its pass. A bank gives one word a cycle; when a pixel's words lie
// on the taps (packed 1x1), `BANK_CHANNELS` words. The step runs in the cycle that reads the last word.
`include "types.svh"

module window (
    input wire clk,
    input fault_t fault,
    input wire [`CHIP_BITS-1:0] chip,
    input wire [`LAYER_BITS-1:0] layer,
    input pass_t pass,
    input wire active,
    input wire [31:0] patch,
    input wire patch_first,
    // Banks.
    output reg [32*`BANKS*`BANK_CHANNELS-1:0] read_word,
    output reg [32*`BANKS*`BANK_CHANNELS-1:0] read_lane,
    input wire [16*`LANES*`BANKS*`BANK_CHANNELS-1:0] read_data,
    output reg [31:0] reads,                // words read in this cycle
    output reg words_in,                    // nothing is left to read when it ends
    // Activations minus their zero point, by pixel, tap, lane; 0 where there is none.
    output reg [`ACT*`LANES*`TAPS*`PIX-1:0] acts
);
    `include "place.svh"

    // Lines under the tile: three for each of its rows and columns.
    localparam TALL = 3 * `TILE_H;
    localparam WIDE = 3 * `TILE_W;
    localparam PORTS = `BANKS * `BANK_CHANNELS;
    localparam WORD = `ACT * `LANES;

    reg [WORD*`TAPS*`PIX-1:0] held;
    reg [4*TALL*WIDE-1:0] got;              // words read so far, by row and column
    reg [4*TALL*WIDE-1:0] got_next;

    wire from_shortcut = pass.residual;
    wire images_are_pixels = `REG(layer, `L_IMAGES_ARE_PIXELS) != 0;
    wire signed [31:0] height = from_shortcut ? `REG(layer, `L_OUT_H) : `REG(layer, `L_IN_H);
    wire signed [31:0] width = from_shortcut ? `REG(layer, `L_OUT_W) : `REG(layer, `L_IN_W);
    wire [31:0] channels = from_shortcut ? `REG(layer, `L_OUT_C) : `REG(layer, `L_IN_C);
    wire signed [31:0] stride = from_shortcut ? 1 : `REG(layer, `L_STRIDE);
    wire signed [31:0] padding = from_shortcut ? 0 : `REG(layer, `L_PADDING);
    wire signed [31:0] dilation = `REG(layer, `L_DILATION);
    wire [255:0] buffer = from_shortcut ? layer[64*`L_SHORTCUT_BUFFER +: 256] : layer[64*`L_IN_BUFFER +: 256];
    wire reuse = `REG(chip, `C_REUSE) != 0 && patch != 0;
    // A word begins at the pass's first channel; words of the shortcut are read as they lie.
    wire [31:0] first_channel = from_shortcut ? pass.channel / `LANES * `LANES : pass.channel;
    wire [31:0] ports = pass.words > 1 ? `BANK_CHANNELS : 1;

    // Faults of geometry, in the map of the input.
    wire [31:0] faulty = from_shortcut ? 0 : fault.number;
    wire signed [31:0] row_shift = faulty == `F_NEXT_ROW ? 1 : 0;
    wire signed [31:0] col_shift = faulty == `F_NEXT_COLUMN ? 1 : 0;
    wire halo_is_stale = faulty == `F_STALE_HALO && pass.strip != 0 && pass.tile_first;
    wire edge_is_padding = faulty == `F_PADDING_EDGE;
    wire padding_is_zero = faulty == `F_PADDING_ZERO;

    // Line `n`, or the nearest of the map's lines.
    function automatic integer line_of(input integer n, input integer size, input nearest);
        begin
            line_of = n;
            if (nearest && n < 0) line_of = 0;
            if (nearest && n >= size) line_of = size - 1;
        end
    endfunction

    // Lines of this patch, and columns of the one before: coordinate, whether needed, and the first with the same.
    integer row [0:TALL-1];
    integer col [0:WIDE-1];
    integer col_before [0:WIDE-1];
    reg [TALL-1:0] row_on;
    reg [WIDE-1:0] col_on, col_on_before, col_kept;
    integer row_as [0:TALL-1];
    integer col_as [0:WIDE-1];
    integer col_from [0:WIDE-1];            // column of the patch before with the same coordinate

    // Reads of this cycle: by row, column and word, the port that gives it.
    reg [TALL*WIDE*`TAPS-1:0] reading;
    reg [16*TALL*WIDE*`TAPS-1:0] port_of;
    reg [4*PORTS-1:0] port_tap;
    reg [PORTS-1:0] port_on;
    integer used [0:`BANKS-1];

    integer t, i, j, k, at, out, bank, port;
    integer tile_col;
    always @* begin
        read_word = 0;
        read_lane = 0;
        reads = 0;
        words_in = 1;
        reading = 0;
        port_on = 0;
        got_next = patch_first ? 0 : got;
        {row_on, col_on, col_on_before, col_kept} = 0;
        {out, bank, port} = 0;
        for (k = 0; k < TALL; k = k + 1) {row[k], row_as[k]} = 0;
        for (k = 0; k < WIDE; k = k + 1) {col[k], col_before[k], col_as[k], col_from[k]} = 0;
        for (k = 0; k < `BANKS; k = k + 1) used[k] = 0;
        port_tap = 0;
        port_of = 0;
        tile_col = pass.tile_col + patch;
        if (active) begin
            for (t = 0; t < `TILE_H; t = t + 1)
                for (i = 0; i < 3; i = i + 1) begin
                    at = 3 * t + i;
                    out = pass.tile_row * `TILE_H + t;
                    row[at] = out * stride + (pass.tap_row + i) * dilation - padding + row_shift;
                    if (halo_is_stale && t == 0 && row[at] < out * stride) row[at] = row[at] - 1;
                    row[at] = line_of(row[at], height, edge_is_padding);
                    row_on[at] = i < pass.tap_rows && out < `SREG(layer, `L_OUT_H)
                        && row[at] >= 0 && row[at] < height;
                    row_as[at] = at;
                    for (k = at - 1; k >= 0; k = k - 1)
                        if (row_on[k] && row[k] == row[at]) row_as[at] = k;
                end
            for (t = 0; t < `TILE_W; t = t + 1)
                for (i = 0; i < 3; i = i + 1) begin
                    at = 3 * t + i;
                    out = tile_col * `TILE_W + t;
                    col[at] = out * stride + (pass.tap_col + i) * dilation - padding + col_shift;
                    col_before[at] = line_of(col[at] - `TILE_W * stride, width, edge_is_padding);
                    col[at] = line_of(col[at], width, edge_is_padding);
                    col_on[at] = i < pass.tap_cols && out < `SREG(layer, `L_OUT_W)
                        && col[at] >= 0 && col[at] < width;
                    col_on_before[at] = i < pass.tap_cols && col_before[at] >= 0 && col_before[at] < width;
                end
            for (at = 0; at < WIDE; at = at + 1) begin
                col_as[at] = at;
                col_kept[at] = 0;
                for (k = at - 1; k >= 0; k = k - 1)
                    if (col_on[k] && col[k] == col[at]) col_as[at] = k;
                for (k = 0; k < WIDE; k = k + 1)
                    if (reuse && col_on_before[k] && col_before[k] == col[at]) begin
                        col_kept[at] = 1;
                        col_from[at] = k;
                    end
            end
            // Each bank serves what is pending, row by row.
            for (i = 0; i < TALL; i = i + 1)
                for (j = 0; j < WIDE; j = j + 1)
                    if (row_on[i] && col_on[j] && row_as[i] == i && col_as[j] == j && !col_kept[j]) begin
                        at = i * WIDE + j;
                        bank = images_are_pixels ? bank_of(0, 0, col[j]) : bank_of(row[i], col[j], pass.image);
                        for (k = 0; k < pass.words; k = k + 1)
                            if (k >= got_next[4*at +: 4]) begin
                                if (used[bank] < ports) begin
                                    port = bank * `BANK_CHANNELS + used[bank];
                                    used[bank] = used[bank] + 1;
                                    reads = reads + 1;
                                    port_on[port] = 1;
                                    port_tap[4*port +: 4] = k[3:0];
                                    reading[at * `TAPS + k] = 1;
                                    port_of[16*(at*`TAPS + k) +: 16] = port[15:0];
                                    read_word[32*port +: 32] = images_are_pixels
                                        ? word_of(buffer, 1, channels, col[j], 0, 0, first_channel + k * `LANES)
                                        : word_of(buffer, width, channels, pass.image, row[i], col[j],
                                                  first_channel + k * `LANES);
                                    read_lane[32*port +: 32] = first_channel % `LANES;
                                    got_next[4*at +: 4] = k[3:0] + 4'd1;
                                end else words_in = 0;
                            end
                    end
        end
    end

    // Elements become activations: sign, zero point, lanes without a channel of the pass.
    wire [31:0] bytes = from_shortcut ? `REG(layer, `L_SHORTCUT_BYTES) : `REG(layer, `L_IN_BYTES);
    wire is_signed = from_shortcut ? `REG(layer, `L_SHORTCUT_SIGNED) != 0 : `REG(layer, `L_IN_SIGNED) != 0;
    wire signed [31:0] zero = from_shortcut ? `SREG(layer, `L_SHORTCUT_ZERO) : `SREG(layer, `L_IN_ZERO);
    reg [WORD*PORTS-1:0] fresh;
    reg [15:0] element;
    reg signed [`ACT-1:0] value;
    integer p, l, c;
    always @* begin
        fresh = 0;
        {element, value, c} = 0;
        for (p = 0; p < PORTS; p = p + 1)
            if (port_on[p])
                for (l = 0; l < `LANES; l = l + 1) begin
                    c = first_channel + port_tap[4*p +: 4] * `LANES + l;
                    if (c >= pass.channel && c < pass.channel + pass.channels) begin
                        element = read_data[16*(p*`LANES + l) +: 16];
                        value = bytes == 1 ? {{(`ACT-8){is_signed && element[7]}}, element[7:0]}
                            : {{(`ACT-16){is_signed && element[15]}}, element};
                        fresh[`ACT*(p*`LANES + l) +: `ACT] = value - zero[`ACT-1:0];
                    end
                end
    end

    // What a padded pixel holds when its elements are 0, by word.
    reg [WORD*`TAPS-1:0] no_pixel;
    integer e;
    always @* begin
        no_pixel = 0;
        for (e = 0; e < `TAPS * `LANES; e = e + 1)
            if (padding_is_zero && e < pass.channels) no_pixel[`ACT*e +: `ACT] = -zero[`ACT-1:0];
    end

    // The window: what was read goes to every tap that lies on it.
    integer y, x, ty, tx, m, from, to, pixel;
    always @* begin
        acts = patch_first ? 0 : held;
        {pixel, to, from} = 0;
        for (ty = 0; ty < `TILE_H; ty = ty + 1)
            for (tx = 0; tx < `TILE_W; tx = tx + 1)
                for (y = 0; y < 3; y = y + 1)
                    for (x = 0; x < 3; x = x + 1)
                        if (active && row_on[3*ty + y] && col_on[3*tx + x])
                            for (m = 0; m < pass.words; m = m + 1) begin
                                pixel = (ty * `TILE_W + tx) * `TAPS;
                                to = pixel + y * pass.tap_cols + x + m;
                                from = (row_as[3*ty + y] * WIDE + col_as[3*tx + x]) * `TAPS + m;
                                if (reading[from])
                                    acts[WORD*to +: WORD] = fresh[WORD*port_of[16*from +: 16] +: WORD];
                                else if (patch_first && col_kept[3*tx + x]) begin
                                    pixel = (ty * `TILE_W + col_from[3*tx + x] / 3) * `TAPS;
                                    from = pixel + y * pass.tap_cols + col_from[3*tx + x] % 3 + m;
                                    acts[WORD*to +: WORD] = held[WORD*from +: WORD];
                                end
                            end
                        else if (padding_is_zero && active && y < pass.tap_rows && x < pass.tap_cols)
                            for (m = 0; m < pass.words; m = m + 1) begin
                                to = (ty * `TILE_W + tx) * `TAPS + y * pass.tap_cols + x + m;
                                acts[WORD*to +: WORD] = no_pixel[WORD*m +: WORD];
                            end
    end

    always @(posedge clk) begin
        if (active) begin
            held <= acts;
            got <= got_next;
        end
    end
endmodule
