// Faults: what `+fault=N` and `+fault_at=K` choose, by number; `FAULTS.md` says what each does. 0 is none.
typedef struct packed {
    logic [31:0] number;
    logic [31:0] at;
} fault_t;

// Requantiser.
`define F_ROUNDING 1
`define F_NEIGHBOUR_MULTIPLIER 2
`define F_SHIFT_MORE 3
`define F_SHIFT_LESS 4
`define F_NO_OUTPUT_ZERO 5
`define F_NO_SATURATION 6
`define F_NO_LOWER_CLAMP 7
`define F_NO_UPPER_CLAMP 8
// Window.
`define F_NO_INPUT_ZERO 9
`define F_INPUT_SIGN 10
`define F_PADDING_ZERO 11
`define F_PADDING_EDGE 12
`define F_NO_PADDING 13
`define F_NEXT_COLUMN 14
`define F_NEXT_ROW 15
`define F_STRIDE_ONE 16
`define F_DILATION_ONE 17
`define F_STALE_HALO 18
// Activation SRAM.
`define F_LANES_REVERSED 19
`define F_INPUT_BIT 20
`define F_BANKS_SWAPPED 21
// Accumulators.
`define F_NO_BIAS 22
`define F_BIAS_TWICE 23
`define F_NEIGHBOUR_BIAS 24
`define F_NOT_CLEARED 25
`define F_NO_FIRST_PASS 26
`define F_NO_LAST_PASS 27
`define F_SHORT_ACCUMULATOR 28
// Weights.
`define F_KERNEL_TRANSPOSED 29
`define F_KERNEL_ROTATED 30
`define F_STALE_SLOT 31
// Multipliers.
`define F_DEAD_LANE 32
`define F_DEAD_TAP 33
`define F_DEAD_PE 34
`define F_DEAD_ROW 35
// Outputs.
`define F_OUTPUT_BIT 36
`define F_LANES_ROTATED 37
// Shortcut.
`define F_NO_SHORTCUT 38
`define F_SHORTCUT_SHIFT 39
`define F_NO_SHORTCUT_ZERO 40
