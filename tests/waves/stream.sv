// A stream of words on a handshake, with pauses of both sides; +words=FILE, +count=N, +wave=FILE.
// WIDTH and COUNT are defined when it is compiled. Beside the stream NOISE bits change, as in any design.
`timescale 1ns / 1ps

module sink (
    input wire clk,
    input wire rst_n,
    input wire in_valid,
    output reg in_ready,
    input wire [`WIDTH-1:0] in_data,
    input wire [31:0] in_address
);
    reg [`NOISE-1:0] noise;
    integer i;
    always @(posedge clk)
        if (!rst_n) {in_ready, noise} <= 0;
        else begin
            for (i = 0; i < `NOISE; i = i + 32) noise[i +: 32] <= $random;
            in_ready <= $random;
        end
endmodule

module bench;
    reg clk, rst_n, valid;
    reg [`WIDTH-1:0] data;
    reg [31:0] address;
    wire ready;
    sink dut (
        .clk(clk), .rst_n(rst_n), .in_valid(valid), .in_ready(ready), .in_data(data), .in_address(address)
    );

    reg [`WIDTH-1:0] words [0:`COUNT-1];
    reg [1023:0] name;
    integer next, count;

    always #5 clk = !clk;
    always @(posedge clk)
        if (!rst_n) begin
            next <= 0;
            valid <= 0;
        end else if (!valid || ready) begin
            // Garbage while nothing is valid: only beats count.
            if (next < count && ($random & 3) != 0) begin
                valid <= 1;
                data <= words[next];
                address <= next;
                next <= next + 1;
            end else begin
                valid <= 0;
                data <= {`WIDTH{1'bx}};
            end
            if (next == count && !valid) $finish;
        end

    initial begin
        clk = 0;
        rst_n = 0;
        count = `COUNT;
        if (!$value$plusargs("words=%s", name)) $finish;
        $readmemh(name, words);
        if (!$value$plusargs("wave=%s", name)) $finish;
        $dumpfile(name);
        $dumpvars(0, bench);
        #22 rst_n = 1;
    end
endmodule
