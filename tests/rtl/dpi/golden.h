/*
   The golden model behind a C ABI: `libgolden`, for DPI-C, cocotb and any other bench.

   A handle holds a frozen network and the array of a chip. A bench feeds a layer its operands, which need not be
   those of a run, and reads or compares what the RTL must give. All values are `int32_t` in the order row, column,
   channel of one image. Nothing unwinds into C: a call that cannot be served says so by its result, and
   `golden_message` gives the reason. A handle belongs to one thread at a time.

   What every caller promises: a handle is null or came from `golden_open` and was not closed; a text is null or ends
   with a zero byte; an array is null or has room for `size` values, any other pointer is null or has room for one.
*/

#ifndef GOLDEN_H
#define GOLDEN_H

/* Made from src/abi by tests/abi.rs. */

#include <stdint.h>

/*
 Equal, or done.
 */
#define GOLDEN_OK 0

/*
 The value is not the golden one.
 */
#define GOLDEN_DIFFERS 1

/*
 The call cannot be served; see `golden_message`.
 */
#define GOLDEN_ERROR 2

/*
 Stands for the network's input where a layer stands for its output.
 */
#define GOLDEN_INPUT -1

/*
 What calls give that cannot be served and whose result is a number; see `golden_message`.
 */
#define GOLDEN_NONE -2

/*
 A golden model, or why there is none.
 */
typedef struct Golden Golden;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Opens the frozen network in file `network` (`repchip quantise`) for the array of the chip in file `chip` (TOML).
 There is always a handle: `golden_layers` is `GOLDEN_NONE` when the files cannot be used, and `golden_message` says
 why.
 */
struct Golden *golden_open(const char *network, const char *chip);

/*
 Gives everything of a handle back.
 */
void golden_close(struct Golden *golden);

/*
 Why the last call that failed could not be served; empty when none has. Valid until the next call.
 */
const char *golden_message(const struct Golden *golden);

/*
 Number of layers.
 */
int32_t golden_layers(struct Golden *golden);

/*
 Name of a layer, or null. Valid as long as the handle.
 */
const char *golden_layer_name(struct Golden *golden, int32_t layer);

/*
 Number of the layer of that name.
 */
int32_t golden_find_layer(struct Golden *golden, const char *name);

/*
 Number of operands of a layer: operand 0 is its input, 1 its shortcut.
 */
int32_t golden_operands(struct Golden *golden, int32_t layer);

/*
 The layer whose output an operand of a layer is in a run, or `GOLDEN_INPUT`.
 */
int32_t golden_source(struct Golden *golden, int32_t layer, int32_t operand);

/*
 Number of values of a layer's output or of `GOLDEN_INPUT`.
 */
int64_t golden_size(struct Golden *golden, int32_t layer);

/*
 Smallest value that a layer's output or `GOLDEN_INPUT` may take; 0 where `golden_most` is 0, too: no such layer.
 */
int32_t golden_least(struct Golden *golden, int32_t layer);

/*
 Largest value that a layer's output or `GOLDEN_INPUT` may take.
 */
int32_t golden_most(struct Golden *golden, int32_t layer);

/*
 Sets one value of an operand of a layer; all are 0 at first. The range is looked at by `golden_compute`.
 */
int32_t golden_put(struct Golden *golden, int32_t layer, int32_t operand, uint64_t index, int32_t value);

/*
 Sets all values of an operand of a layer: `size` must be their number.
 */
int32_t golden_feed(struct Golden *golden, int32_t layer, int32_t operand, const int32_t *values, uint64_t size);

/*
 Computes a layer from its operands.
 */
int32_t golden_compute(struct Golden *golden, int32_t layer);

/*
 Copies the output of a layer that was computed to `values`, which has room for `size`: all of them or none.
 */
int32_t golden_output(struct Golden *golden, int32_t layer, int32_t *values, uint64_t size);

/*
 Compares one value of the output of a layer that was computed: `GOLDEN_OK`, `GOLDEN_DIFFERS` or `GOLDEN_ERROR`.
 `expected`, unless null, gets the golden value.
 */
int32_t golden_compare(struct Golden *golden, int32_t layer, uint64_t index, int32_t actual, int32_t *expected);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* GOLDEN_H */
