// SPDX-License-Identifier: MIT
//
// Stands for Windows PowerShell under Wine, which has none. It expects what `cmbridge driver install` gives to
// PowerShell, and has a program of Linux sign the file, by `cmbridge sign`. CMBRIDGE_TEST_SIGNER: that program. It is
// given the file, and writes FILE.done when it has ended, with its exit status.

#include <stdio.h>
#include <wchar.h>
#include <windows.h>

#include <wincrypt.h>

#define WAIT_MS 60000
#define STEP_MS 50

static BOOL HasCmdlet(const wchar_t *Encoded) {
    static wchar_t script[1 << 14];
    DWORD size = sizeof(script) - sizeof(*script);
    return CryptStringToBinaryW(Encoded, 0, CRYPT_STRING_BASE64, (BYTE *)script, &size, NULL, NULL) &&
           wcsstr(script, L"Set-AuthenticodeSignature -LiteralPath $env:CMBRIDGE_FILE") != NULL;
}

// What Wine calls the file on Linux.
static const char *UnixName(const wchar_t *File) {
    typedef char *CDECL NAMER(const wchar_t *);
    const HMODULE kernel = GetModuleHandleW(L"kernel32");
    NAMER *namer = (NAMER *)(void *)GetProcAddress(kernel, "wine_get_unix_file_name");
    return namer ? namer(File) : NULL;
}

static int WaitForStatus(const wchar_t *File) {
    wchar_t done[MAX_PATH * 2];
    swprintf(done, ARRAYSIZE(done), L"%ls.done", File);
    for (int waited = 0; waited < WAIT_MS; waited += STEP_MS) {
        FILE *status = _wfopen(done, L"r");
        int code = -1;
        if (status) {
            const int read = fscanf(status, "%d", &code);
            fclose(status);
            if (read == 1) {
                DeleteFileW(done);
                return code;
            }
        }
        Sleep(STEP_MS);
    }
    fputs("the signer does not end\n", stderr);
    return 1;
}

int wmain(int Count, wchar_t **Arguments) {
    wchar_t file[MAX_PATH];
    wchar_t signer[MAX_PATH];
    wchar_t command[MAX_PATH * 2];
    if (Count < 3 || wcscmp(Arguments[Count - 2], L"-EncodedCommand") != 0 || !HasCmdlet(Arguments[Count - 1]) ||
        !GetEnvironmentVariableW(L"CMBRIDGE_FILE", file, ARRAYSIZE(file)) ||
        !GetEnvironmentVariableW(L"CMBRIDGE_TEST_SIGNER", signer, ARRAYSIZE(signer))) {
        fputs("not called to sign a driver\n", stderr);
        return 1;
    }
    const char *name = UnixName(file);
    if (!name) {
        fputs("this is not Wine\n", stderr);
        return 1;
    }
    STARTUPINFOW startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION process = {0};
    swprintf(command, ARRAYSIZE(command), L"\"%ls\" \"%hs\"", signer, name);
    // Of a program of Linux, Wine tells nothing but that it was started.
    if (!CreateProcessW(signer, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process)) {
        fprintf(stderr, "the signer does not start: %lu\n", GetLastError());
        return 1;
    }
    return WaitForStatus(file);
}
