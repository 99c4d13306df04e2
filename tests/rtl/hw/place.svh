// Where a pixel lies in activation SRAM. Included inside a module.
//
// Bank columns are turned by one for each image: images of one pixel, which are the patches of a fully connected
// layer, lie on different banks, as the pixels of a row do.
function automatic [31:0] bank_of(input [31:0] y, input [31:0] x, input [31:0] image);
    bank_of = (y % `BANK_ROWS) * `BANK_COLS + (x + image) % `BANK_COLS;
endfunction

// Word in the bank of channel `c` of a pixel; `buffer` holds first word, ring rows, words of an image, images.
function automatic [31:0] word_of(
    input [255:0] buffer, input [31:0] width, input [31:0] channels,
    input [31:0] image, input [31:0] y, input [31:0] x, input [31:0] c
);
    reg [31:0] line;
    begin
        line = ((y % `REG(buffer, 1)) / `BANK_ROWS) * ((width + `BANK_COLS - 1) / `BANK_COLS) + x / `BANK_COLS;
        word_of = `REG(buffer, 0) + (image % `REG(buffer, 3)) * `REG(buffer, 2)
            + line * ((channels + `LANES - 1) / `LANES) + c / `LANES;
    end
endfunction
