# The addon, as cmake-js configures it (CMAKE_JS_INC and, on Windows, CMAKE_JS_SRC and CMAKE_JS_LIB come from there).

file(READ "${PROJECT_SOURCE_DIR}/package.json" package)
string(JSON package_version GET "${package}" version)

cmb_sources(addon_sources addon)
add_library(cmbridge MODULE ${addon_sources} ${CMAKE_JS_SRC})
set_target_properties(cmbridge PROPERTIES PREFIX "" SUFFIX ".node" CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
if(NOT CMB_SANITIZE)
    # Where the package carries it, named as Node names platforms.
    string(TOLOWER "${CMAKE_SYSTEM_NAME}" node_platform)
    if(WIN32)
        set(node_platform win32)
    endif()
    set(prebuild "${PROJECT_SOURCE_DIR}/prebuilds/${node_platform}-${NODE_ARCH}")
    # With a generator expression, so that Visual Studio adds no folder of its own for the configuration.
    set_target_properties(cmbridge PROPERTIES
        LIBRARY_OUTPUT_DIRECTORY "$<1:${prebuild}>" RUNTIME_OUTPUT_DIRECTORY "$<1:${prebuild}>")
endif()
target_include_directories(cmbridge PRIVATE "${PROJECT_SOURCE_DIR}" driver)
target_include_directories(cmbridge SYSTEM PRIVATE ${CMAKE_JS_INC})
target_compile_definitions(cmbridge PRIVATE
    NAPI_VERSION=9
    NODE_ADDON_API_CPP_EXCEPTIONS
    NODE_ADDON_API_CPP_EXCEPTIONS_ALL
    NODE_ADDON_API_DISABLE_DEPRECATED
    NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
    CMB_PACKAGE_VERSION="${package_version}")
if(NOT MSVC)
    target_compile_options(cmbridge PRIVATE -Wall -Wextra)
endif()

if(NOT WIN32)
    cmb_sources(simulator_channel_sources addon_simulator)
    target_sources(cmbridge PRIVATE ${simulator_channel_sources})
    target_compile_definitions(cmbridge PRIVATE CMB_SIMULATOR)
    target_link_libraries(cmbridge PRIVATE driver simulator)
    if(NOT CMB_SANITIZE)
        # libstdc++ stays shared: Node.js needs it anyway, and a static one of GCC 12 would ask for the C library of 2022.
        target_link_options(cmbridge PRIVATE LINKER:--strip-all)
    endif()
    return()
endif()

enable_language(RC)
cmb_sources(device_channel_sources addon_windows)
target_sources(cmbridge PRIVATE ${device_channel_sources})
target_compile_definitions(cmbridge PRIVATE
    UNICODE _UNICODE WIN32_LEAN_AND_MEAN NOMINMAX _WIN32_WINNT=0x0A00)
target_link_libraries(cmbridge PRIVATE advapi32 crypt32 ntdll)

if(MSVC)
    target_compile_options(cmbridge PRIVATE /W4 /WX /guard:cf /sdl /ZH:SHA_256 /utf-8)
    target_link_options(cmbridge PRIVATE /guard:cf)
    if(CMAKE_JS_NODELIB_DEF)
        execute_process(COMMAND ${CMAKE_AR} /def:${CMAKE_JS_NODELIB_DEF} /out:${CMAKE_JS_NODELIB_TARGET} ${CMAKE_STATIC_LINKER_FLAGS})
    endif()
    target_link_libraries(cmbridge PRIVATE ${CMAKE_JS_LIB})
else()
    # Cross-built, cmake-js knows no import library; Node-API's own list of exports makes one for node.exe.
    list(GET CMAKE_JS_INC 0 node_api_include)
    cmake_path(SET node_api_def NORMALIZE "${node_api_include}/../def/node_api.def")
    set(node_api_library "${PROJECT_BINARY_DIR}/libnode_api.a")
    add_custom_command(OUTPUT "${node_api_library}"
        COMMAND ${CMAKE_DLLTOOL} -d "${node_api_def}" -l "${node_api_library}"
        DEPENDS "${node_api_def}" VERBATIM)
    add_custom_target(node_api_import DEPENDS "${node_api_library}")
    add_dependencies(cmbridge node_api_import)
    # Nothing but node.exe and what Windows itself carries may be needed where the addon is loaded.
    target_link_options(cmbridge PRIVATE -static -static-libgcc -static-libstdc++ LINKER:--strip-all)
    # The linker would make the address that the file asks for out of the name of its folder. Windows chooses another one anyway.
    target_link_options(cmbridge PRIVATE LINKER:--no-insert-timestamp LINKER:--image-base=0x180000000)
    target_link_libraries(cmbridge PRIVATE "${node_api_library}")
endif()
