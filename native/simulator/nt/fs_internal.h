// SPDX-License-Identifier: MIT
//
// The file system of the volume \Device\HarddiskVolume26, Z:, whose root is that of the host.

#ifndef SIMULATOR_NT_FS_INTERNAL_H
#define SIMULATOR_NT_FS_INTERNAL_H

#include "io_internal.h"

#include <sys/types.h>

namespace nt {

struct HostFile;

// A file of the host that is open here at least once. Guarded by fsLock().
struct HostNode {
    dev_t device;
    ino_t number;
    ULONG opens = 0; // handles, until CLEANUP
    // Of the opens that use the data or delete.
    ULONG sharers = 0, readers = 0, writers = 0, deleters = 0;
    ULONG sharesRead = 0, sharesWrite = 0, sharesDelete = 0;
    bool deletePending = false;
    // All of them know where the file is now.
    std::set<HostFile *> files;
};

// Behind FILE_OBJECT.FsContext.
struct HostFile {
    int descriptor = -1;
    HostNode *node = nullptr;
    std::string path;    // of the host; guarded by fsLock(), as is the name
    std::u16string name; // on the volume
    bool directory = false;
    bool deleteOnClose = false;
    ACCESS_MASK access = 0;
    ULONG share = 0;
};

std::mutex &fsLock();
inline HostFile &hostFile(PFILE_OBJECT file) {
    return *static_cast<HostFile *>(file->FsContext);
}

NTSTATUS statusOf(int error);

// \a\b is /a/b; names are compared without regard to case where the host has no file of that very name. If the last
// component is missing the path says how it would be called.
struct HostPath {
    std::string path;
    std::u16string name;
    bool exists = false;
};
NTSTATUS findHostPath(std::u16string_view name, HostPath *found);

// Under fsLock(). Counts this open, and its sharing.
NTSTATUS acquireNode(dev_t device, ino_t number, HostFile &file);
void releaseNode(HostFile &file);
bool isOpen(dev_t device, ino_t number);

NTSTATUS queryHostFile(HostFile &file, ULONG type, void *information, ULONG length, ULONG_PTR *used);
NTSTATUS setHostFile(HostFile &file, ULONG type, const void *information, ULONG length);

} // namespace nt

#endif
