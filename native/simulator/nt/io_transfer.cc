// SPDX-License-Identifier: MIT
//
// Reading, writing, flushing; information about open files. The caller waits for every request.

#include "io_internal.h"

#include <optional>

namespace nt {

namespace {

// A file for one request of a service: referenced, with the rights it needs, serialised if it was opened so.
class FileUse {
  public:
    // Any of the rights will do.
    FileUse(HANDLE handle, ACCESS_MASK anyOf) : mode_(ExGetPreviousMode()) {
        PVOID object = nullptr;
        OBJECT_HANDLE_INFORMATION info;
        status_ = ObReferenceObjectByHandle(handle, 0, *IoFileObjectType, mode_, &object, &info);
        if (!NT_SUCCESS(status_)) {
            return;
        }
        file_ = static_cast<PFILE_OBJECT>(object);
        granted_ = info.GrantedAccess;
        // Kernel mode's rights are not compared.
        if (mode_ == UserMode && anyOf != 0 && (granted_ & anyOf) == 0) {
            status_ = STATUS_ACCESS_DENIED;
        } else if (file_->Flags & FO_SYNCHRONOUS_IO) {
            lock_.emplace(fileLock(file_));
        }
    }
    ~FileUse() {
        lock_.reset();
        if (file_ != nullptr) {
            ObfDereferenceObject(file_);
        }
    }
    FileUse(const FileUse &) = delete;
    FileUse &operator=(const FileUse &) = delete;

    NTSTATUS status() const { return status_; }
    PFILE_OBJECT file() const { return file_; }
    KPROCESSOR_MODE mode() const { return mode_; }
    ACCESS_MASK granted() const { return granted_; }
    bool synchronous() const { return (file_->Flags & FO_SYNCHRONOUS_IO) != 0; }

  private:
    KPROCESSOR_MODE mode_;
    NTSTATUS status_;
    PFILE_OBJECT file_ = nullptr;
    ACCESS_MASK granted_ = 0;
    std::optional<std::unique_lock<std::mutex>> lock_;
};

constexpr LONGLONG special(ULONG low) {
    return static_cast<LONGLONG>(0xFFFFFFFF00000000u | low);
}
constexpr LONGLONG kEnd = special(FILE_WRITE_TO_END_OF_FILE);
constexpr LONGLONG kPosition = special(FILE_USE_FILE_POINTER_POSITION);

NTSTATUS findOffset(const FileUse &use, bool write, PLARGE_INTEGER given, LARGE_INTEGER *offset) {
    offset->QuadPart = kPosition;
    if (given != nullptr && !readCaller(offset, given, sizeof *offset, use.mode())) {
        return STATUS_ACCESS_VIOLATION;
    }
    if (offset->QuadPart == kPosition) {
        if (!use.synchronous()) {
            return STATUS_INVALID_PARAMETER;
        }
        *offset = use.file()->CurrentByteOffset;
    }
    // Who may only append does so wherever it wants to write.
    if (write && use.mode() == UserMode && !(use.granted() & FILE_WRITE_DATA)) {
        offset->QuadPart = kEnd;
    }
    return offset->QuadPart >= 0 || (write && offset->QuadPart == kEnd) ? STATUS_SUCCESS : STATUS_INVALID_PARAMETER;
}

NTSTATUS answer(const IO_STATUS_BLOCK &block, PIO_STATUS_BLOCK io, KPROCESSOR_MODE mode) {
    return writeCaller(io, &block, sizeof block, mode) ? block.Status : STATUS_ACCESS_VIOLATION;
}

NTSTATUS transfer(HANDLE handle, UCHAR major, HANDLE event, PIO_APC_ROUTINE apc, PIO_STATUS_BLOCK io, PVOID buffer,
                  ULONG length, PLARGE_INTEGER given) {
    bool write = major == IRP_MJ_WRITE;
    if (event != nullptr || apc != nullptr) {
        return STATUS_NOT_SUPPORTED;
    }
    FileUse use(handle, write ? FILE_WRITE_DATA | FILE_APPEND_DATA : FILE_READ_DATA);
    if (!NT_SUCCESS(use.status())) {
        return use.status();
    }
    LARGE_INTEGER offset;
    NTSTATUS status = findOffset(use, write, given, &offset);
    std::shared_ptr<Request> request;
    if (NT_SUCCESS(status)) {
        status = buildTransfer(use.file(), major, buffer, length, offset, &request);
    }
    if (!NT_SUCCESS(status)) {
        return status;
    }
    return answer(issueAndWait(request), io, use.mode());
}

struct InformationRule {
    ULONG type;
    ULONG length;
    ACCESS_MASK toQuery, toSet;
    bool query, set;
};

const InformationRule *ruleFor(ULONG type) {
    static constexpr InformationRule rules[] = {
        {FileBasicInformation, sizeof(FILE_BASIC_INFORMATION), FILE_READ_ATTRIBUTES, 0, true, false},
        {FileStandardInformation, sizeof(FILE_STANDARD_INFORMATION), 0, 0, true, false},
        {FileNameInformation, FIELD_OFFSET(FILE_NAME_INFORMATION, FileName), 0, 0, true, false},
        {FileRenameInformation, FIELD_OFFSET(FILE_RENAME_INFORMATION, FileName), 0, DELETE, false, true},
        {FileDispositionInformation, sizeof(FILE_DISPOSITION_INFORMATION), 0, DELETE, false, true},
        {FilePositionInformation, sizeof(FILE_POSITION_INFORMATION), FILE_READ_DATA | FILE_WRITE_DATA,
         FILE_READ_DATA | FILE_WRITE_DATA, true, true},
        {FileEndOfFileInformation, sizeof(FILE_END_OF_FILE_INFORMATION), 0, FILE_WRITE_DATA, false, true},
    };
    for (const InformationRule &rule : rules) {
        if (rule.type == type) {
            return &rule;
        }
    }
    return nullptr;
}

// The position is the I/O manager's own; drivers are not asked.
NTSTATUS position(const FileUse &use, bool query, PIO_STATUS_BLOCK io, PVOID information) {
    if (!use.synchronous()) {
        return STATUS_INVALID_PARAMETER;
    }
    LARGE_INTEGER value = use.file()->CurrentByteOffset;
    if (query ? !writeCaller(information, &value, sizeof value, use.mode())
              : !readCaller(&value, information, sizeof value, use.mode())) {
        return STATUS_ACCESS_VIOLATION;
    }
    if (value.QuadPart < 0) {
        return STATUS_INVALID_PARAMETER;
    }
    use.file()->CurrentByteOffset = value;
    return answer({{STATUS_SUCCESS}, query ? sizeof value : 0}, io, use.mode());
}

NTSTATUS inform(HANDLE handle, bool query, PIO_STATUS_BLOCK io, PVOID information, ULONG length, ULONG type) {
    const InformationRule *rule = ruleFor(type);
    if (rule == nullptr || !(query ? rule->query : rule->set)) {
        return STATUS_INVALID_INFO_CLASS;
    }
    if (length < rule->length) {
        return STATUS_INFO_LENGTH_MISMATCH;
    }
    FileUse use(handle, query ? rule->toQuery : rule->toSet);
    if (!NT_SUCCESS(use.status())) {
        return use.status();
    }
    if (type == FilePositionInformation) {
        return position(use, query, io, information);
    }
    std::shared_ptr<Request> request;
    NTSTATUS status = buildInformation(use.file(), query ? IRP_MJ_QUERY_INFORMATION : IRP_MJ_SET_INFORMATION,
                                       information, length, type, &request);
    return NT_SUCCESS(status) ? answer(issueAndWait(request), io, use.mode()) : status;
}

} // namespace

} // namespace nt

using namespace nt;

extern "C" {

NTSTATUS NtReadFile(HANDLE handle, HANDLE event, PIO_APC_ROUTINE apc, PVOID, PIO_STATUS_BLOCK io, PVOID buffer,
                    ULONG length, PLARGE_INTEGER offset, PULONG) {
    requireIrql(PASSIVE_LEVEL, "NtReadFile");
    return transfer(handle, IRP_MJ_READ, event, apc, io, buffer, length, offset);
}

NTSTATUS NtWriteFile(HANDLE handle, HANDLE event, PIO_APC_ROUTINE apc, PVOID, PIO_STATUS_BLOCK io, PVOID buffer,
                     ULONG length, PLARGE_INTEGER offset, PULONG) {
    requireIrql(PASSIVE_LEVEL, "NtWriteFile");
    return transfer(handle, IRP_MJ_WRITE, event, apc, io, buffer, length, offset);
}

NTSTATUS NtFlushBuffersFile(HANDLE handle, PIO_STATUS_BLOCK io) {
    requireIrql(PASSIVE_LEVEL, "NtFlushBuffersFile");
    FileUse use(handle, FILE_WRITE_DATA | FILE_APPEND_DATA);
    if (!NT_SUCCESS(use.status())) {
        return use.status();
    }
    return answer(issueAndWait(buildSimple(use.file(), IRP_MJ_FLUSH_BUFFERS)), io, use.mode());
}

NTSTATUS NtQueryInformationFile(HANDLE handle, PIO_STATUS_BLOCK io, PVOID information, ULONG length,
                                FILE_INFORMATION_CLASS type) {
    requireIrql(PASSIVE_LEVEL, "NtQueryInformationFile");
    return inform(handle, true, io, information, length, type);
}

NTSTATUS NtSetInformationFile(HANDLE handle, PIO_STATUS_BLOCK io, PVOID information, ULONG length,
                              FILE_INFORMATION_CLASS type) {
    requireIrql(PASSIVE_LEVEL, "NtSetInformationFile");
    return inform(handle, false, io, information, length, type);
}

NTSTATUS ZwReadFile(HANDLE handle, HANDLE event, PIO_APC_ROUTINE apc, PVOID context, PIO_STATUS_BLOCK io, PVOID buffer,
                    ULONG length, PLARGE_INTEGER offset, PULONG key) {
    KernelCall kernelCall;
    return NtReadFile(handle, event, apc, context, io, buffer, length, offset, key);
}

NTSTATUS ZwWriteFile(HANDLE handle, HANDLE event, PIO_APC_ROUTINE apc, PVOID context, PIO_STATUS_BLOCK io, PVOID buffer,
                     ULONG length, PLARGE_INTEGER offset, PULONG key) {
    KernelCall kernelCall;
    return NtWriteFile(handle, event, apc, context, io, buffer, length, offset, key);
}

NTSTATUS ZwFlushBuffersFile(HANDLE handle, PIO_STATUS_BLOCK io) {
    KernelCall kernelCall;
    return NtFlushBuffersFile(handle, io);
}

NTSTATUS ZwQueryInformationFile(HANDLE handle, PIO_STATUS_BLOCK io, PVOID information, ULONG length,
                                FILE_INFORMATION_CLASS type) {
    KernelCall kernelCall;
    return NtQueryInformationFile(handle, io, information, length, type);
}

NTSTATUS ZwSetInformationFile(HANDLE handle, PIO_STATUS_BLOCK io, PVOID information, ULONG length,
                              FILE_INFORMATION_CLASS type) {
    KernelCall kernelCall;
    return NtSetInformationFile(handle, io, information, length, type);
}

} // extern "C"
