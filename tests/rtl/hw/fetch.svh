// Where the passes of a row group lie in DRAM: parameter block, then passes in step order. Included inside a module.

// Input channels of pass `p`.
function automatic [31:0] pass_channels(input [`LAYER_BITS-1:0] regs, input [31:0] p);
    reg [31:0] inputs, lanes, subs, first;
    begin
        inputs = `REG(regs, `L_IN_C) / `REG(regs, `L_GROUPS);
        lanes = `REG(regs, `L_PACKED) != 0 ? `TAPS * `LANES : `LANES;
        subs = (`REG(regs, `L_KERNEL) + 2) / 3;
        first = p / (subs * subs) * lanes;
        pass_channels = inputs - first < lanes ? inputs - first : lanes;
    end
endfunction

// Taps of its sub-kernel.
function automatic [31:0] pass_taps(input [`LAYER_BITS-1:0] regs, input [31:0] p);
    reg [31:0] kernel, subs, row, col;
    begin
        kernel = `REG(regs, `L_KERNEL);
        subs = (kernel + 2) / 3;
        row = kernel - p % (subs * subs) / subs * 3;
        col = kernel - p % subs * 3;
        pass_taps = (row < 3 ? row : 3) * (col < 3 ? col : 3);
    end
endfunction

// First byte of pass `p` behind the parameter block.
function automatic [31:0] pass_start(
    input [`LAYER_BITS-1:0] regs, input [`OP_BITS-1:0] op, input [31:0] p
);
    integer q;
    begin
        pass_start = 0;
        for (q = 0; q < p; q = q + 1)
            pass_start = pass_start + pass_channels(regs, q) * pass_taps(regs, q)
                * `REG(op, `O_ROWS) * `REG(regs, `L_WEIGHT_BYTES);
    end
endfunction

// Bytes of a fill, counted from the row group's address: the first of a fetching begins with the parameter block.
function automatic [31:0] fill_start(
    input [`LAYER_BITS-1:0] regs, input [`OP_BITS-1:0] op, input [31:0] f, input [31:0] p
);
    fill_start = f == 0 ? 0 : 16 * `REG(op, `O_ROWS) + pass_start(regs, op, p);
endfunction

function automatic [31:0] fill_end(
    input [`LAYER_BITS-1:0] regs, input [`OP_BITS-1:0] op, input [31:0] p
);
    fill_end = 16 * `REG(op, `O_ROWS) + pass_start(regs, op, p + 1);
endfunction
