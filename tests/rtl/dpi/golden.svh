// Made from golden.h by tests/abi.rs. Include it inside a module or a package.
//
// The arrays of golden_feed and golden_output have `GOLDEN_VALUES elements: define it first, as many as the largest
// tensor that moves at once; `size` says how many of them count. Simulators may emit code for each element:
// golden_put and golden_compare move a value at a time.
`ifndef GOLDEN_VALUES
`define GOLDEN_VALUES 1
`endif
localparam int GOLDEN_OK = 0;
localparam int GOLDEN_DIFFERS = 1;
localparam int GOLDEN_ERROR = 2;
localparam int GOLDEN_INPUT = -1;
localparam int GOLDEN_NONE = -2;
import "DPI-C" function chandle golden_open(input string network, input string chip);
import "DPI-C" function void golden_close(input chandle golden);
import "DPI-C" function string golden_message(input chandle golden);
import "DPI-C" function int golden_layers(input chandle golden);
import "DPI-C" function string golden_layer_name(input chandle golden, input int layer);
import "DPI-C" function int golden_find_layer(input chandle golden, input string name);
import "DPI-C" function int golden_operands(input chandle golden, input int layer);
import "DPI-C" function int golden_source(input chandle golden, input int layer, input int operand);
import "DPI-C" function longint golden_size(input chandle golden, input int layer);
import "DPI-C" function int golden_least(input chandle golden, input int layer);
import "DPI-C" function int golden_most(input chandle golden, input int layer);
import "DPI-C" function int golden_put(input chandle golden, input int layer, input int operand, input longint unsigned index, input int value);
import "DPI-C" function int golden_feed(input chandle golden, input int layer, input int operand, input int values [`GOLDEN_VALUES], input longint unsigned size);
import "DPI-C" function int golden_compute(input chandle golden, input int layer);
import "DPI-C" function int golden_output(input chandle golden, input int layer, inout int values [`GOLDEN_VALUES], input longint unsigned size);
import "DPI-C" function int golden_compare(input chandle golden, input int layer, input longint unsigned index, input int actual, output int expected);
