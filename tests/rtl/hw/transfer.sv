// Places of the bytes of a burst of a Load or Store in activation SRAM: rows, columns, channels, bytes in this order.
// Stands between two bursts where the next one goes on.
`include "types.svh"

module transfer (
    input wire clk,
    input wire [`CHIP_BITS-1:0] chip,
    input wire [`OP_BITS-1:0] op,
    input wire moves,                       // the burst moves in this cycle
    input wire first,                       // it is the operation's first
    input wire [31:0] address,
    output reg [`BURST_MAX-1:0] on,
    output reg [32*`BURST_MAX-1:0] element,
    output reg [`BURST_MAX-1:0] half
);
    `include "place.svh"

    wire [31:0] start = `REG(op, `O_ADDRESS);
    wire [31:0] stop = start + `REG(op, `O_BYTES);
    wire [31:0] width = `REG(op, `O_WIDTH);
    wire [31:0] channels = `REG(op, `O_CHANNELS);
    wire [31:0] image = `REG(op, `O_IMAGE);
    wire [255:0] buffer = op[64*`O_BUFFER +: 256];

    reg [31:0] row, col, channel, byte_of;
    reg [31:0] y, x, c, b;
    integer i;
    always @* begin
        on = 0;
        element = 0;
        half = 0;
        {y, x, c, b} = first ? {`REG(op, `O_FIRST_ROW), 96'd0} : {row, col, channel, byte_of};
        if (moves)
            for (i = 0; i < `BURST_MAX; i = i + 1)
                if (i < `REG(chip, `C_BURST) && address + i >= start && address + i < stop) begin
                    on[i] = 1;
                    half[i] = b[0];
                    element[32*i +: 32] = (bank_of(y, x, image) * `SRAM_WORDS
                        + word_of(buffer, width, channels, image, y, x, c)) * `LANES + c % `LANES;
                    b = b + 1;
                    if (b == `REG(op, `O_ELEMENT)) begin
                        b = 0;
                        c = c + 1;
                    end
                    if (c == channels) begin
                        c = 0;
                        x = x + 1;
                    end
                    if (x == width) begin
                        x = 0;
                        y = y + 1;
                    end
                end
    end

    always @(posedge clk) if (moves) {row, col, channel, byte_of} <= {y, x, c, b};
endmodule
