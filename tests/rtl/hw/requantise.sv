// One requantiser: clamp(fit(zero + round(accumulator * multiplier / 2^shift)), lower, upper). One exact product, one
// rounding; the output type wraps or saturates.
`include "types.svh"

module requantise (
    input wire signed [`ACC_BITS-1:0] accumulator,
    input wire signed [31:0] multiplier,
    input wire [7:0] shift,
    input wire [`LAYER_BITS-1:0] layer,
    output reg [15:0] out
);
    reg signed [99:0] product, floor, rest, half, value, least, most;
    reg carry;

    function automatic signed [99:0] wide(input signed [31:0] n);
        wide = {{68{n[31]}}, n};
    endfunction

    always @* begin
        product = {{(100 - `ACC_BITS){accumulator[`ACC_BITS-1]}}, accumulator};
        product = product * wide(multiplier);
        floor = product >>> shift;
        rest = product - (floor <<< shift);
        half = shift == 0 ? 0 : 100'sd1 <<< (shift - 1);
        case (`REG(layer, `L_ROUNDING))
            0: carry = 0;
            1: carry = product < 0 && rest != 0;
            2: carry = rest >= half;
            3: carry = rest > half || (rest == half && floor[0]);
            default: carry = rest > half || (rest == half && product >= 0);
        endcase
        value = floor;
        if (carry && shift != 0) value = value + 1;
        value = value + wide(`REG(layer, `L_OUT_ZERO));
        // Into the output type.
        most = 100'sd1 <<< `REG(layer, `L_OUT_BITS);
        least = `REG(layer, `L_OUT_SIGNED) != 0 ? -(most >>> 1) : 0;
        most = least + most - 1;
        if (`REG(layer, `L_OUT_SATURATE) != 0) begin
            if (value > most) value = most;
            if (value < least) value = least;
        end else begin
            value = ((value - least) & (most - least)) + least;
        end
        if (value < wide(`REG(layer, `L_LOWER))) value = wide(`REG(layer, `L_LOWER));
        if (value > wide(`REG(layer, `L_UPPER))) value = wide(`REG(layer, `L_UPPER));
        out = value[15:0];
    end
endmodule
