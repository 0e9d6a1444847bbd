// What a program in C does with the library: loads a model, scores and explains rows in every way there is, from several threads at once, and asks for
// what cannot be. Writes raw score, score, contributions and base value of every row.
//
//   embed MODEL ROWS ANSWERS
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aml_miner.h"

#define CHECK(holds) \
    do { \
        if (!(holds)) { \
            fprintf(stderr, "line %d: %s (last error: %s)\n", __LINE__, #holds, aml_last_error()); \
            exit(1); \
        } \
    } while (0)

static char *contents(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL && fseek(file, 0, SEEK_END) == 0);
    *length = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*length);
    CHECK(fread(bytes, 1, *length, file) == *length);
    fclose(file);
    return bytes;
}

struct work {
    const AmlModel *model;
    const double *rows;
    size_t n_rows, features;
    double *answers;
};

// Row by row, as a service would.
static void *one_by_one(void *argument) {
    struct work *work = argument;
    const size_t width = 2 + work->features + 1;
    for (size_t i = 0; i < work->n_rows; i++) {
        const double *row = work->rows + i * work->features;
        double *answer = work->answers + i * width;
        CHECK(aml_predict_row(work->model, row, work->features, &answer[0], &answer[1]) == AML_STATUS_OK);
        CHECK(aml_contributions(work->model, row, 1, work->features, answer + 2) == AML_STATUS_OK);
    }
    return NULL;
}

static void all_at_once(const struct work *work) {
    const size_t n = work->n_rows, width = work->features + 1;
    double *raw = malloc(n * sizeof *raw), *score = malloc(n * sizeof *score);
    double *contributions = malloc(n * width * sizeof *contributions);
    CHECK(aml_predict(work->model, work->rows, n, work->features, raw, score) == AML_STATUS_OK);
    CHECK(aml_contributions(work->model, work->rows, n, work->features, contributions) == AML_STATUS_OK);
    for (size_t i = 0; i < n; i++) {
        const double *answer = work->answers + i * (2 + width);
        CHECK(memcmp(&raw[i], &answer[0], sizeof *raw) == 0);
        CHECK(memcmp(&score[i], &answer[1], sizeof *score) == 0);
        CHECK(memcmp(contributions + i * width, answer + 2, width * sizeof *contributions) == 0);
    }
    // either alone
    double *alone = malloc(n * sizeof *alone);
    CHECK(aml_predict(work->model, work->rows, n, work->features, NULL, alone) == AML_STATUS_OK);
    CHECK(memcmp(alone, score, n * sizeof *alone) == 0);
    CHECK(aml_predict(work->model, NULL, 0, work->features, NULL, NULL) == AML_STATUS_OK);
    free(raw), free(score), free(contributions), free(alone);
}

static void what_cannot_be(const AmlModel *model, const double *rows, size_t features) {
    double out[64];
    CHECK(aml_predict_row(NULL, rows, features, out, out + 1) == AML_STATUS_NULL);
    CHECK(strstr(aml_last_error(), "`model` is null") != NULL);
    CHECK(aml_predict_row(model, NULL, features, out, out + 1) == AML_STATUS_NULL);
    CHECK(aml_predict_row(model, rows, features + 1, out, out + 1) == AML_STATUS_SHAPE);
    CHECK(strstr(aml_last_error(), "expected rows of 7 features, found 8") != NULL);
    CHECK(aml_predict(model, rows, (size_t)-1, features, out, NULL) == AML_STATUS_SHAPE);
    CHECK(aml_predict(model, rows, (size_t)-1 / features, features, out, NULL) == AML_STATUS_SHAPE);
    CHECK(aml_contributions(model, rows, 1, features, NULL) == AML_STATUS_NULL);
    AmlModel *none = (AmlModel *)out;
    CHECK(aml_model_parse((const uint8_t *)"tree\nnonsense", 13, &none) == AML_STATUS_MODEL && none == NULL);
    CHECK(aml_model_parse((const uint8_t *)"?", 1, &none) == AML_STATUS_MODEL && none == NULL);
    CHECK(strstr(aml_last_error(), "neither a model of aml-miner") != NULL);
    CHECK(aml_model_parse(NULL, 1, &none) == AML_STATUS_NULL);
    CHECK(aml_model_parse(NULL, 0, NULL) == AML_STATUS_NULL);
    CHECK(aml_model_open("there is no such file", &none) == AML_STATUS_FILE && none == NULL);
    CHECK(strstr(aml_last_error(), "there is no such file: ") != NULL);
    CHECK(aml_model_open(NULL, &none) == AML_STATUS_NULL);
    CHECK(aml_model_features(NULL) == 0 && aml_model_feature_name(NULL, 0) == NULL);
    aml_model_free(NULL);
}

int main(int count, char **words) {
    CHECK(count == 4);
    CHECK(strchr(aml_version(), '.') != NULL && aml_last_error()[0] == '\0');
    size_t length, n_bytes;
    char *file = contents(words[1], &length);
    double *rows = (double *)contents(words[2], &n_bytes);
    AmlModel *model, *opened;
    CHECK(aml_model_parse((const uint8_t *)file, length, &model) == AML_STATUS_OK && model != NULL);
    CHECK(aml_model_open(words[1], &opened) == AML_STATUS_OK && opened != NULL);
    aml_model_free(opened);
    const size_t features = aml_model_features(model), n_rows = n_bytes / sizeof *rows / features;
    CHECK(features == 7 && strcmp(aml_model_feature_name(model, 6), "f6") == 0);
    CHECK(aml_model_feature_name(model, 7) == NULL);

    enum { THREADS = 4 };
    const size_t size = n_rows * (features + 3) * sizeof(double);
    pthread_t threads[THREADS];
    struct work work[THREADS];
    for (int i = 0; i < THREADS; i++) {
        work[i] = (struct work){model, rows, n_rows, features, malloc(size)};
        CHECK(pthread_create(&threads[i], NULL, one_by_one, &work[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK(memcmp(work[i].answers, work[0].answers, size) == 0);
    }
    all_at_once(&work[0]);
    what_cannot_be(model, rows, features);

    FILE *answers = fopen(words[3], "wb");
    CHECK(answers != NULL && fwrite(work[0].answers, 1, size, answers) == size && fclose(answers) == 0);
    for (int i = 0; i < THREADS; i++) {
        free(work[i].answers);
    }
    aml_model_free(model), free(file), free(rows);
    return 0;
}
