// SPDX-License-Identifier: MIT
//
// Certificates that this machine trusts: added to a store, looked for, and taken away. Only the certificate is handled
// here; no private key ever is.

#include <windows.h>

#include <wincrypt.h>

#include "native/service/machine.h"
#include "native/service/windows_error.h"

namespace cmbridge {
namespace {

class UniqueStore {
  public:
    UniqueStore(const std::wstring &name, DWORD flags)
        : store_(CertOpenStore(CERT_STORE_PROV_SYSTEM_W, 0, 0, CERT_SYSTEM_STORE_LOCAL_MACHINE | flags, name.c_str())) {
    }
    ~UniqueStore() {
        if (store_ != nullptr) {
            CertCloseStore(store_, 0);
        }
    }
    UniqueStore(const UniqueStore &) = delete;
    UniqueStore &operator=(const UniqueStore &) = delete;

    HCERTSTORE get() const { return store_; }
    explicit operator bool() const { return store_ != nullptr; }
    // Writes what was changed, and says if that fails; closing the store would not.
    bool commit() { return CertControlStore(store_, 0, CERT_STORE_CTRL_COMMIT, nullptr) != FALSE; }

  private:
    HCERTSTORE store_;
};

// By its SHA-1, which is what Windows calls a thumbprint. The caller frees what it gets.
PCCERT_CONTEXT find(HCERTSTORE store, Napi::Uint8Array thumbprint) {
    CRYPT_HASH_BLOB hash = {static_cast<DWORD>(thumbprint.ByteLength()), thumbprint.Data()};
    return CertFindCertificateInStore(store, X509_ASN_ENCODING, 0, CERT_FIND_SHA1_HASH, &hash, nullptr);
}

void requireArguments(const Napi::CallbackInfo &info, const char *usage) {
    if (info.Length() < 2 || !info[0].IsString() || !info[1].IsTypedArray()) {
        throw Napi::TypeError::New(info.Env(), usage);
    }
}

Napi::Value hasCertificate(const Napi::CallbackInfo &info) {
    requireArguments(info, "hasCertificate(store, thumbprint)");
    UniqueStore store(wide(info[0]), CERT_STORE_OPEN_EXISTING_FLAG | CERT_STORE_READONLY_FLAG);
    if (!store) {
        if (GetLastError() == ERROR_FILE_NOT_FOUND) {
            return Napi::Boolean::New(info.Env(), false);
        }
        throw windowsError(info.Env(), *lastFailure("CertOpenStore"));
    }
    PCCERT_CONTEXT found = find(store.get(), info[1].As<Napi::Uint8Array>());
    if (found != nullptr) {
        CertFreeCertificateContext(found);
    }
    return Napi::Boolean::New(info.Env(), found != nullptr);
}

Napi::Value addCertificate(const Napi::CallbackInfo &info) {
    requireArguments(info, "addCertificate(store, certificate)");
    UniqueStore store(wide(info[0]), 0);
    if (!store) {
        throw windowsError(info.Env(), *lastFailure("CertOpenStore"));
    }
    auto certificate = info[1].As<Napi::Uint8Array>();
    if (!CertAddEncodedCertificateToStore(store.get(), X509_ASN_ENCODING, certificate.Data(),
                                          static_cast<DWORD>(certificate.ByteLength()), CERT_STORE_ADD_USE_EXISTING,
                                          nullptr)) {
        throw windowsError(info.Env(), *lastFailure("CertAddEncodedCertificateToStore"));
    }
    if (!store.commit()) {
        throw windowsError(info.Env(), *lastFailure("CertControlStore"));
    }
    return info.Env().Undefined();
}

// It is well if it was not there.
Napi::Value removeCertificate(const Napi::CallbackInfo &info) {
    requireArguments(info, "removeCertificate(store, thumbprint)");
    UniqueStore store(wide(info[0]), 0);
    if (!store) {
        throw windowsError(info.Env(), *lastFailure("CertOpenStore"));
    }
    PCCERT_CONTEXT found = find(store.get(), info[1].As<Napi::Uint8Array>());
    // It frees the certificate, whether it can be deleted or not.
    if (found != nullptr && !CertDeleteCertificateFromStore(found)) {
        throw windowsError(info.Env(), *lastFailure("CertDeleteCertificateFromStore"));
    }
    if (!store.commit()) {
        throw windowsError(info.Env(), *lastFailure("CertControlStore"));
    }
    return info.Env().Undefined();
}

} // namespace

void addCertificateFunctions(Napi::Object object) {
    Napi::Env env = object.Env();
    object.Set("hasCertificate", Napi::Function::New(env, hasCertificate, "hasCertificate"));
    object.Set("addCertificate", Napi::Function::New(env, addCertificate, "addCertificate"));
    object.Set("removeCertificate", Napi::Function::New(env, removeCertificate, "removeCertificate"));
}

} // namespace cmbridge
