/* Uses libgolden as a bench in C would: first all that must be refused, then a whole network layer by layer, each
   output in a line. Arguments: a frozen network, a chip. Exit code 1 and the line where something is not as it must be. */
#include "golden.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(holds)                                                                  \
    do {                                                                              \
        if (!(holds)) {                                                               \
            fprintf(stderr, "line %d: not so: %s; %s\n", __LINE__, #holds, golden_message(golden)); \
            return 1;                                                                 \
        }                                                                             \
    } while (0)

static int says(Golden *golden, const char *words) { return strstr(golden_message(golden), words) != NULL; }

/* No handle: every call is refused, none fails. */
static int without_handle(void) {
    Golden *golden = NULL;
    int32_t value = 7;
    CHECK(says(golden, "the handle is null"));
    CHECK(golden_layers(golden) == GOLDEN_NONE);
    CHECK(golden_layer_name(golden, 0) == NULL);
    CHECK(golden_find_layer(golden, "stem") == GOLDEN_NONE);
    CHECK(golden_operands(golden, 0) == GOLDEN_NONE);
    CHECK(golden_source(golden, 0, 0) == GOLDEN_NONE);
    CHECK(golden_size(golden, 0) == GOLDEN_NONE);
    CHECK(golden_least(golden, 0) == 0 && golden_most(golden, 0) == 0);
    CHECK(golden_put(golden, 0, 0, 0, 0) == GOLDEN_ERROR);
    CHECK(golden_feed(golden, 0, 0, &value, 1) == GOLDEN_ERROR);
    CHECK(golden_compute(golden, 0) == GOLDEN_ERROR);
    CHECK(golden_output(golden, 0, &value, 1) == GOLDEN_ERROR);
    CHECK(golden_compare(golden, 0, 0, 0, &value) == GOLDEN_ERROR);
    CHECK(value == 7);
    golden_close(golden);
    return 0;
}

/* A handle without a network says why, and serves nothing. */
static int unusable(const char *network, const char *chip, const char *why) {
    Golden *golden = golden_open(network, chip);
    CHECK(golden != NULL);
    CHECK(says(golden, why));
    CHECK(golden_layers(golden) == GOLDEN_NONE);
    CHECK(golden_compute(golden, 0) == GOLDEN_ERROR);
    CHECK(says(golden, why));
    golden_close(golden);
    return 0;
}

static int wrong_numbers(Golden *golden) {
    const int32_t layers = golden_layers(golden);
    const int32_t wrong[] = {INT32_MIN, GOLDEN_NONE, layers, INT32_MAX};
    int32_t value = 7;
    CHECK(golden_find_layer(golden, "no such layer") == GOLDEN_NONE && says(golden, "`no such layer`"));
    CHECK(golden_find_layer(golden, NULL) == GOLDEN_NONE);
    CHECK(golden_find_layer(golden, "\xff") == GOLDEN_NONE);
    for (size_t n = 0; n < sizeof wrong / sizeof *wrong; n++) {
        CHECK(golden_layer_name(golden, wrong[n]) == NULL && says(golden, "there is no layer"));
        CHECK(golden_operands(golden, wrong[n]) == GOLDEN_NONE);
        CHECK(golden_source(golden, wrong[n], 0) == GOLDEN_NONE);
        CHECK(golden_source(golden, 0, wrong[n]) == GOLDEN_NONE && says(golden, "has no operand"));
        CHECK(golden_size(golden, wrong[n]) == GOLDEN_NONE);
        CHECK(golden_least(golden, wrong[n]) == 0 && golden_most(golden, wrong[n]) == 0);
        CHECK(golden_put(golden, wrong[n], 0, 0, 0) == GOLDEN_ERROR);
        CHECK(golden_put(golden, 0, wrong[n], 0, 0) == GOLDEN_ERROR);
        CHECK(golden_feed(golden, wrong[n], 0, &value, 1) == GOLDEN_ERROR);
        CHECK(golden_compute(golden, wrong[n]) == GOLDEN_ERROR);
        CHECK(golden_output(golden, wrong[n], &value, 1) == GOLDEN_ERROR);
        CHECK(golden_compare(golden, wrong[n], 0, 0, &value) == GOLDEN_ERROR);
    }
    CHECK(golden_compute(golden, GOLDEN_INPUT) == GOLDEN_ERROR);
    CHECK(value == 7);
    return 0;
}

static int wrong_values(Golden *golden) {
    const uint64_t input = (uint64_t)golden_size(golden, GOLDEN_INPUT);
    const uint64_t output = (uint64_t)golden_size(golden, 0);
    int32_t *values = calloc(output > input ? output : input, sizeof *values);
    int32_t expected = 7;
    CHECK(values != NULL);
    CHECK(golden_put(golden, 0, 0, input, 0) == GOLDEN_ERROR && says(golden, "there is no value"));
    CHECK(golden_put(golden, 0, 0, UINT64_MAX, 0) == GOLDEN_ERROR);
    CHECK(golden_feed(golden, 0, 0, NULL, input) == GOLDEN_ERROR && says(golden, "the operand takes"));
    CHECK(golden_feed(golden, 0, 0, values, input - 1) == GOLDEN_ERROR);
    CHECK(golden_feed(golden, 0, 0, values, UINT64_MAX) == GOLDEN_ERROR);
    CHECK(golden_compare(golden, 0, 0, 0, &expected) == GOLDEN_ERROR && says(golden, "was not computed"));
    CHECK(expected == 7);

    /* One above the range: the call that takes it does not look, the one that computes does. */
    CHECK(golden_put(golden, 0, 0, input - 1, golden_most(golden, GOLDEN_INPUT) + 1) == GOLDEN_OK);
    CHECK(golden_compute(golden, 0) == GOLDEN_ERROR && says(golden, "is outside"));
    CHECK(golden_output(golden, 0, values, output) == GOLDEN_ERROR && says(golden, "was not computed"));
    CHECK(golden_put(golden, 0, 0, input - 1, INT32_MIN) == GOLDEN_OK);
    CHECK(golden_compute(golden, 0) == GOLDEN_ERROR);
    CHECK(golden_put(golden, 0, 0, input - 1, golden_least(golden, GOLDEN_INPUT)) == GOLDEN_OK);
    CHECK(golden_compute(golden, 0) == GOLDEN_OK);

    values[0] = -12345;
    CHECK(golden_output(golden, 0, values, output - 1) == GOLDEN_ERROR && says(golden, "needs room"));
    CHECK(golden_output(golden, 0, NULL, output) == GOLDEN_ERROR);
    CHECK(values[0] == -12345);
    CHECK(golden_output(golden, 0, values, output) == GOLDEN_OK);
    CHECK(values[0] >= golden_least(golden, 0) && values[0] <= golden_most(golden, 0));
    CHECK(golden_compare(golden, 0, output, 0, &expected) == GOLDEN_ERROR && says(golden, "there is no value"));
    CHECK(golden_compare(golden, 0, 0, values[0], NULL) == GOLDEN_OK);
    CHECK(golden_compare(golden, 0, 0, values[0] + 1, &expected) == GOLDEN_DIFFERS && expected == values[0]);

    /* Another operand: the output is that of no run. */
    CHECK(golden_put(golden, 0, 0, 0, 1) == GOLDEN_OK);
    CHECK(golden_compare(golden, 0, 0, 0, NULL) == GOLDEN_ERROR);
    free(values);
    return 0;
}

/* Feeds an operand with the network's input, which counts up through the range, or with its source's output. */
static int feed(Golden *golden, int32_t layer, int32_t operand) {
    const int32_t source = golden_source(golden, layer, operand);
    const uint64_t size = (uint64_t)golden_size(golden, source);
    const int32_t least = golden_least(golden, source), most = golden_most(golden, source);
    int32_t *values = malloc(size * sizeof *values);
    CHECK(values != NULL);
    for (uint64_t n = 0; n < size; n++) values[n] = least + (int32_t)(n % (uint64_t)(most - least + 1));
    CHECK(source == GOLDEN_INPUT || golden_output(golden, source, values, size) == GOLDEN_OK);
    CHECK(golden_feed(golden, layer, operand, values, size) == GOLDEN_OK);
    free(values);
    return 0;
}

static int run(Golden *golden) {
    for (int32_t layer = 0; layer < golden_layers(golden); layer++) {
        for (int32_t operand = 0; operand < golden_operands(golden, layer); operand++)
            if (feed(golden, layer, operand)) return 1;
        CHECK(golden_compute(golden, layer) == GOLDEN_OK);
        CHECK(golden_find_layer(golden, golden_layer_name(golden, layer)) == layer);
        printf("%s", golden_layer_name(golden, layer));
        for (int64_t n = 0; n < golden_size(golden, layer); n++) {
            int32_t expected;
            golden_compare(golden, layer, (uint64_t)n, 0, &expected);
            printf(" %d", (int)expected);
        }
        printf("\n");
    }
    return 0;
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    const char *network = arguments[1], *chip = arguments[2];
    if (without_handle() || unusable(NULL, chip, "a path is null") || unusable(network, NULL, "a path is null")
        || unusable("\xff", chip, "no UTF-8") || unusable("no/such/file", chip, "no/such/file")
        || unusable(chip, chip, "quantise::") || unusable(network, "no/such/chip", "no/such/chip")
        || unusable(network, network, "config::"))
        return 1;
    Golden *golden = golden_open(network, chip);
    CHECK(golden_layers(golden) > 0 && says(golden, ""));
    if (wrong_numbers(golden) || wrong_values(golden) || run(golden)) return 1;
    golden_close(golden);
    return 0;
}
