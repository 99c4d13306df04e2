// A handshake of 70 bits between two modules: `iverilog -g2012 beats.sv`, then `vvp a.out` with `-vcd` or `-fst`.
`timescale 1ns / 1ps

module source (
    input wire clk,
    input wire rst_n,
    input wire ready,
    output reg valid,
    output reg [69:0] data
);
    reg [5:0] count;
    always @(posedge clk) begin
        if (!rst_n) begin
            valid <= 0;
            count <= 0;
        end else if (!valid || ready) begin
            count <= count + 1;
            valid <= count[1:0] != 3;
            data <= {count, 56'h0123456789abcd, count == 5 ? 8'bx : 8'ha0 + count};
        end
    end
endmodule

module bench;
    reg clk = 0;
    reg rst_n = 0;
    reg ready = 0;
    wire valid;
    wire [69:0] data;
    source dut (.clk(clk), .rst_n(rst_n), .ready(ready), .valid(valid), .data(data));
    real level = 0.5;
    always #5 clk = !clk;
    always @(posedge clk) ready <= data[0] !== 1 || !ready;
    initial begin
        $dumpfile("beats");
        $dumpvars(0, bench);
        #22 rst_n = 1;
        #200 $finish;
    end
endmodule
