// Counters of a run: by layer start, end, accesses, and each cycle without a step by its cause.
`include "types.svh"

module counters (
    input wire clk,
    input wire reset,
    input wire [31:0] layer,
    input wire enters,
    input wire finished,
    input wire step,
    input wire [3:0] cause,
    input wire [31:0] reads,
    input wire [31:0] words,
    input wire [31:0] port_bytes,
    input wire [31:0] outputs
);
    reg [63:0] values [0:16*`LAYERS_MAX];
    reg [63:0] now;
    reg [31:0] layer_before;
    reg over, begun;

    integer i;
    wire [31:0] at = 1 + 16 * layer;
    wire [31:0] why = at + 7 + {28'd0, cause};
    always @(posedge clk) begin
        if (reset) begin
            now <= 0;
            over <= 0;
            begun <= 0;
            for (i = 0; i <= 16 * `LAYERS_MAX; i = i + 1) values[i] <= 0;
        end else if (!over) begin
            now <= now + 1;
            if (enters) begin
                values[at] <= now;
                if (begun) values[1 + 16 * layer_before + 1] <= now;
                begun <= 1;
                layer_before <= layer;
            end
            if (finished) begin
                over <= 1;
                values[0] <= now;
                values[at + 1] <= now;
            end else begin
                if (step) values[at + 2] <= values[at + 2] + 1;
                else values[why] <= values[why] + 1;
                values[at + 3] <= values[at + 3] + {32'd0, reads};
                values[at + 4] <= values[at + 4] + {32'd0, words};
                values[at + 5] <= values[at + 5] + {32'd0, port_bytes};
                values[at + 6] <= values[at + 6] + {32'd0, outputs};
            end
        end
    end
endmodule
