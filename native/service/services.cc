// SPDX-License-Identifier: MIT
//
// Calls of the service control manager, each with a handle of its own that has the rights of that call alone: an error
// of missing rights is then one of this call.

#include "native/service/services.h"

#include <windows.h>

#include <winsvc.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "native/promise.h"
#include "native/service/windows_error.h"

namespace cmbridge {
namespace {

class ScHandle {
  public:
    explicit ScHandle(SC_HANDLE handle) : handle_(handle) {}
    ~ScHandle() {
        if (handle_ != nullptr) {
            CloseServiceHandle(handle_);
        }
    }
    ScHandle(const ScHandle &) = delete;
    ScHandle &operator=(const ScHandle &) = delete;

    SC_HANDLE get() const { return handle_; }
    explicit operator bool() const { return handle_ != nullptr; }

  private:
    SC_HANDLE handle_;
};

struct ServiceConfig {
    DWORD startType = SERVICE_NO_CHANGE;
    std::optional<std::wstring> path;
    std::wstring displayName;
    std::wstring group;
};

struct ServiceFacts {
    DWORD type;
    DWORD startType;
    std::wstring path;
    std::wstring group;
    std::wstring displayName;
    DWORD state;
    DWORD exitCode;
};

struct QueryResult {
    Failure failure;
    std::optional<ServiceFacts> facts;
};

std::wstring orEmpty(const wchar_t *value) {
    return value == nullptr ? std::wstring() : std::wstring(value);
}

QueryResult query(const std::wstring &name) {
    ScHandle manager(OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT));
    if (!manager) {
        return {lastFailure("OpenSCManager"), {}};
    }
    ScHandle service(OpenServiceW(manager.get(), name.c_str(), SERVICE_QUERY_CONFIG | SERVICE_QUERY_STATUS));
    if (!service) {
        if (GetLastError() == ERROR_SERVICE_DOES_NOT_EXIST) {
            return {};
        }
        return {lastFailure("OpenService"), {}};
    }
    SERVICE_STATUS_PROCESS status;
    DWORD bytes;
    if (!QueryServiceStatusEx(service.get(), SC_STATUS_PROCESS_INFO, reinterpret_cast<BYTE *>(&status), sizeof(status),
                              &bytes)) {
        return {lastFailure("QueryServiceStatusEx"), {}};
    }
    // The documented maximum of what it gives.
    std::vector<BYTE> buffer(8192);
    auto *config = reinterpret_cast<QUERY_SERVICE_CONFIGW *>(buffer.data());
    if (!QueryServiceConfigW(service.get(), config, static_cast<DWORD>(buffer.size()), &bytes)) {
        return {lastFailure("QueryServiceConfig"), {}};
    }
    return {{},
            ServiceFacts{config->dwServiceType, config->dwStartType, orEmpty(config->lpBinaryPathName),
                         orEmpty(config->lpLoadOrderGroup), orEmpty(config->lpDisplayName), status.dwCurrentState,
                         status.dwWin32ExitCode}};
}

Failure create(const std::wstring &name, const ServiceConfig &config) {
    ScHandle manager(OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CREATE_SERVICE));
    if (!manager) {
        return lastFailure("OpenSCManager");
    }
    // SERVICE_ERROR_NORMAL: a machine whose driver does not start boots all the same.
    ScHandle service(CreateServiceW(manager.get(), name.c_str(), config.displayName.c_str(), SERVICE_QUERY_STATUS,
                                    SERVICE_KERNEL_DRIVER, config.startType, SERVICE_ERROR_NORMAL,
                                    config.path.value_or(L"").c_str(), config.group.c_str(), nullptr, nullptr, nullptr,
                                    nullptr));
    return service ? Failure() : lastFailure("CreateService");
}

// Opens the service with one right, and does one thing with it.
Failure with(const std::wstring &name, DWORD access, const std::function<Failure(SC_HANDLE)> &act) {
    ScHandle manager(OpenSCManagerW(nullptr, nullptr, SC_MANAGER_CONNECT));
    if (!manager) {
        return lastFailure("OpenSCManager");
    }
    ScHandle service(OpenServiceW(manager.get(), name.c_str(), access));
    return service ? act(service.get()) : lastFailure("OpenService");
}

Failure change(const std::wstring &name, const ServiceConfig &config) {
    return with(name, SERVICE_CHANGE_CONFIG, [&](SC_HANDLE service) {
        return ChangeServiceConfigW(service, SERVICE_NO_CHANGE, config.startType, SERVICE_NO_CHANGE,
                                    config.path ? config.path->c_str() : nullptr, nullptr, nullptr, nullptr, nullptr,
                                    nullptr, nullptr)
                   ? Failure()
                   : lastFailure("ChangeServiceConfig");
    });
}

// Returns when DriverEntry has returned.
Failure start(const std::wstring &name) {
    return with(name, SERVICE_START, [](SC_HANDLE service) {
        return StartServiceW(service, 0, nullptr) ? Failure() : lastFailure("StartService");
    });
}

Failure stop(const std::wstring &name) {
    return with(name, SERVICE_STOP, [](SC_HANDLE service) {
        SERVICE_STATUS status;
        return ControlService(service, SERVICE_CONTROL_STOP, &status) ? Failure() : lastFailure("ControlService");
    });
}

Failure remove(const std::wstring &name) {
    return with(name, DELETE,
                [](SC_HANDLE service) { return DeleteService(service) ? Failure() : lastFailure("DeleteService"); });
}

Napi::Value toObject(Napi::Env env, const ServiceFacts &facts) {
    Napi::Object result = Napi::Object::New(env);
    result.Set("type", Napi::Number::New(env, facts.type));
    result.Set("startType", Napi::Number::New(env, facts.startType));
    result.Set("path", text(env, facts.path));
    result.Set("group", text(env, facts.group));
    result.Set("displayName", text(env, facts.displayName));
    result.Set("state", Napi::Number::New(env, facts.state));
    result.Set("exitCode", Napi::Number::New(env, facts.exitCode));
    return result;
}

ServiceConfig configOf(const Napi::Object &object) {
    ServiceConfig config;
    if (Napi::Value value = object.Get("startType"); value.IsNumber()) {
        config.startType = value.As<Napi::Number>().Uint32Value();
    }
    if (Napi::Value value = object.Get("path"); value.IsString()) {
        config.path = wide(value);
    }
    if (Napi::Value value = object.Get("displayName"); value.IsString()) {
        config.displayName = wide(value);
    }
    if (Napi::Value value = object.Get("group"); value.IsString()) {
        config.group = wide(value);
    }
    return config;
}

std::wstring nameOf(const Napi::CallbackInfo &info) {
    if (info.Length() < 1 || !info[0].IsString()) {
        throw Napi::TypeError::New(info.Env(), "the name of the service must be a string");
    }
    return wide(info[0]);
}

Napi::Value promise(Napi::Env env, const char *name, std::function<Failure()> work) {
    auto failure = std::make_shared<Failure>();
    return settleOnPool(
        Napi::Promise::Deferred::New(env), name, [failure, work = std::move(work)] { *failure = work(); },
        [failure](Napi::Env env) -> Napi::Value {
            if (*failure) {
                throw windowsError(env, **failure);
            }
            return env.Undefined();
        });
}

Napi::Value queryService(const Napi::CallbackInfo &info) {
    auto result = std::make_shared<QueryResult>();
    return settleOnPool(
        Napi::Promise::Deferred::New(info.Env()), "cmbridge:service",
        [result, name = nameOf(info)] { *result = query(name); },
        [result](Napi::Env env) -> Napi::Value {
            if (result->failure) {
                throw windowsError(env, *result->failure);
            }
            return result->facts ? toObject(env, *result->facts) : env.Null();
        });
}

template <Failure (*Act)(const std::wstring &)> Napi::Value act(const Napi::CallbackInfo &info) {
    return promise(info.Env(), "cmbridge:service", [name = nameOf(info)] { return Act(name); });
}

template <Failure (*Act)(const std::wstring &, const ServiceConfig &)>
Napi::Value actWith(const Napi::CallbackInfo &info) {
    if (info.Length() < 2 || !info[1].IsObject()) {
        throw Napi::TypeError::New(info.Env(), "the configuration of the service must be an object");
    }
    return promise(info.Env(), "cmbridge:service",
                   [name = nameOf(info), config = configOf(info[1].As<Napi::Object>())] { return Act(name, config); });
}

} // namespace

Napi::Object createServicesObject(Napi::Env env) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("query", Napi::Function::New(env, queryService, "query"));
    object.Set("create", Napi::Function::New(env, actWith<create>, "create"));
    object.Set("change", Napi::Function::New(env, actWith<change>, "change"));
    object.Set("start", Napi::Function::New(env, act<start>, "start"));
    object.Set("stop", Napi::Function::New(env, act<stop>, "stop"));
    object.Set("delete", Napi::Function::New(env, act<remove>, "delete"));
    return object;
}

} // namespace cmbridge
