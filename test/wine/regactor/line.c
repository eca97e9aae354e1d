// SPDX-License-Identifier: MIT
//
// The lines on standard input and output.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor.h"

// At the start of a request.
#define NUMBERS 11

static int digit(char character) {
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    if (character >= 'a' && character <= 'f') {
        return character - 'a' + 10;
    }
    return -1;
}

static const char *word(const char **line, size_t *length) {
    const char *start = *line + strspn(*line, " \r");

    *length = strcspn(start, " \r");
    *line = start + *length;
    return *length ? start : NULL;
}

static BOOL number(const char **line, unsigned long long *value) {
    size_t length;
    const char *start = word(line, &length);
    char *end;

    if (!start) {
        return FALSE;
    }
    *value = strtoull(start, &end, 10);
    return end == start + length;
}

// Bytes in hex, to be freed; NULL with a size of 0 for "-", not NULL for "=".
static BOOL bytes(const char **line, unsigned char **data, unsigned int *size) {
    size_t length;
    const char *start = word(line, &length);

    *data = NULL;
    *size = 0;
    if (!start) {
        return FALSE;
    }
    if (length == 1 && *start == '-') {
        return TRUE;
    }
    *data = malloc(length / 2 + 1);
    if (!*data || (length == 1 && *start == '=')) {
        return *data != NULL;
    }
    if (length % 2) {
        return FALSE;
    }
    for (size_t index = 0; index < length; index += 2) {
        int high = digit(start[index]);
        int low = digit(start[index + 1]);

        if (high < 0 || low < 0) {
            return FALSE;
        }
        (*data)[index / 2] = (unsigned char)(high << 4 | low);
    }
    *size = (unsigned int)(length / 2);
    return TRUE;
}

static CMK_REQUEST *assemble(const unsigned char *const parts[3], const unsigned int sizes[3]) {
    size_t size = sizeof(CMK_REQUEST) + (size_t)sizes[0] + sizes[1] + sizes[2];
    CMK_REQUEST *request = size <= CMK_MAX_MESSAGE ? calloc(1, size) : NULL;
    unsigned char *at = (unsigned char *)(request + 1);

    if (!request) {
        return NULL;
    }
    request->Size = (unsigned int)size;
    request->NameSize = sizes[0];
    request->ClassSize = sizes[1];
    request->DataSize = sizes[2];
    request->Flags = parts[1] ? CMK_HAS_CLASS : 0;
    for (int part = 0; part < 3; ++part) {
        if (sizes[part]) {
            memcpy(at, parts[part], sizes[part]);
        }
        at += sizes[part];
    }
    return request;
}

CMK_REQUEST *new_request(unsigned int operation, const void *name, unsigned int name_size, const void *data,
                         unsigned int data_size) {
    const unsigned char *parts[3] = {name, NULL, data};
    unsigned int sizes[3] = {name_size, 0, data_size};
    CMK_REQUEST *request = assemble(parts, sizes);

    if (request) {
        request->Operation = operation;
    }
    return request;
}

CMK_REPLY *new_reply(NTSTATUS status, unsigned int data_size) {
    CMK_REPLY *reply = calloc(1, sizeof *reply + data_size);

    if (reply) {
        reply->Size = (unsigned int)sizeof *reply + data_size;
        reply->Status = status;
        reply->DataSize = data_size;
    }
    return reply;
}

COMMAND *parse_command(const char *line) {
    unsigned long long numbers[NUMBERS];
    unsigned char *parts[3] = {NULL, NULL, NULL};
    unsigned int sizes[3];
    COMMAND *command = calloc(1, sizeof *command);
    BOOL good = command != NULL;

    for (int index = 0; good && index < NUMBERS; ++index) {
        good = number(&line, &numbers[index]);
    }
    for (int part = 0; good && part < 3; ++part) {
        good = bytes(&line, &parts[part], &sizes[part]);
    }
    if (good) {
        command->request = assemble((const unsigned char *const *)parts, sizes);
        good = command->request != NULL;
    }
    for (int part = 0; part < 3; ++part) {
        free(parts[part]);
    }
    if (!good) {
        free(command);
        return NULL;
    }
    command->id = numbers[0];
    command->thread = (unsigned int)numbers[1];
    command->request->Operation = (unsigned int)numbers[2];
    command->request->Handle = numbers[3];
    command->request->Other = numbers[4];
    command->request->Access = (unsigned int)numbers[5];
    command->request->Options = (unsigned int)numbers[6];
    command->request->InformationClass = (unsigned int)numbers[7];
    command->request->Index = (unsigned int)numbers[8];
    command->request->Length = (unsigned int)numbers[9];
    command->request->Attributes = (unsigned int)numbers[10];
    return command;
}

void print_reply(unsigned long long id, const CMK_REPLY *reply) {
    const unsigned char *data = (const unsigned char *)(reply + 1);

    printf("%llu %u %llu %u %u ", id, (unsigned int)reply->Status, reply->Handle, reply->Disposition,
           reply->ResultLength);
    for (unsigned int index = 0; index < reply->DataSize; ++index) {
        printf("%02x", data[index]);
    }
    puts(reply->DataSize ? "" : "-");
    fflush(stdout);
}
