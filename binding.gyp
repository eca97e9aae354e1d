# The addon for the platform it is built on (node-gyp). The lists of sources are native/sources.json's; CMakeLists.txt reads the same file.
{
  'variables': {
    'version': '<!(node -p "require(\'./package.json\').version")',
    'addon_sources': ['<!@(node -p "require(\'./native/sources.json\').addon.join(\' \')")'],
    'addon_windows_sources': ['<!@(node -p "require(\'./native/sources.json\').addon_windows.join(\' \')")'],
    'addon_simulator_sources': ['<!@(node -p "require(\'./native/sources.json\').addon_simulator.join(\' \')")'],
    'driver_sources': ['<!@(node -p "require(\'./native/sources.json\').driver.join(\' \')")'],
    'simulator_nt_sources': ['<!@(node -p "require(\'./native/sources.json\').simulator_nt.join(\' \')")'],
    'simulator_cm_sources': ['<!@(node -p "require(\'./native/sources.json\').simulator_cm.join(\' \')")'],
    'simulator_host_sources': ['<!@(node -p "require(\'./native/sources.json\').simulator_host.join(\' \')")'],
    'bench_sources': ['<!@(node -p "require(\'./native/sources.json\').bench.join(\' \')")'],
    # npm run build:bench sets it: the native part of the benchmarks, which is never shipped.
    'cmb_bench%': 0,
  },
  'target_defaults': {
    'cflags': ['-Wall', '-Wextra', '-fvisibility=hidden', '-fno-omit-frame-pointer'],
    'cflags_c': ['-std=c17'],
    'cflags_cc!': ['-std=gnu++17', '-fno-exceptions'],
    'cflags_cc': ['-std=c++20', '-fexceptions', '-fvisibility-inlines-hidden'],
    'msvs_settings': {
      'VCCLCompilerTool': {
        'AdditionalOptions': ['/std:c++20', '/guard:cf', '/sdl', '/ZH:SHA_256', '/utf-8'],
        'ExceptionHandling': 1,
        'WarningLevel': 4,
        'WarnAsError': 'true',
      },
      'VCLinkerTool': {
        'AdditionalOptions': ['/guard:cf'],
      },
    },
  },
  'targets': [
    {
      'target_name': 'cmbridge',
      'sources': ['<@(addon_sources)'],
      'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")', '.', 'driver'],
      'defines': [
        'NAPI_VERSION=9',
        'NODE_ADDON_API_CPP_EXCEPTIONS',
        'NODE_ADDON_API_CPP_EXCEPTIONS_ALL',
        'NODE_ADDON_API_DISABLE_DEPRECATED',
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
        'CMB_PACKAGE_VERSION="<(version)"',
      ],
      'conditions': [
        ['OS=="win"', {
          'sources': ['<@(addon_windows_sources)'],
          'defines': ['UNICODE', '_UNICODE', 'WIN32_LEAN_AND_MEAN', 'NOMINMAX', '_WIN32_WINNT=0x0A00', '_HAS_EXCEPTIONS=1'],
          'libraries': ['advapi32.lib', 'crypt32.lib', 'ntdll.lib'],
        }, {
          'sources': ['<@(addon_simulator_sources)'],
          'defines': ['CMB_SIMULATOR'],
          'include_dirs': ['native/simulator/include', 'native/simulator'],
          'dependencies': ['driver', 'simulator'],
        }],
      ],
    },
  ],
  'conditions': [
    ['OS!="win"', {
      'targets': [
        {
          # The shipped sources of the driver. Its strings are UTF-16, as on Windows.
          'target_name': 'driver',
          'type': 'static_library',
          'sources': ['<@(driver_sources)'],
          'include_dirs': ['native/simulator/include', 'driver'],
          'cflags_c': ['-fshort-wchar', '-fexceptions', '-Wno-multichar'],
        },
        {
          'target_name': 'simulator',
          'type': 'static_library',
          'sources': ['<@(simulator_nt_sources)', '<@(simulator_cm_sources)', '<@(simulator_host_sources)'],
          'include_dirs': ['native/simulator/include', 'native/simulator'],
          'cflags_c': ['-fshort-wchar', '-fexceptions', '-Wno-multichar'],
        },
      ],
    }],
    ['OS!="win" and cmb_bench==1', {
      'targets': [
        {
          'target_name': 'cmbridge_bench',
          'sources': ['<@(bench_sources)', '<@(addon_simulator_sources)'],
          'include_dirs': [
            '<!(node -p "require(\'node-addon-api\').include_dir")',
            '.',
            'driver',
            'native/simulator/include',
            'native/simulator',
          ],
          'defines': [
            'NAPI_VERSION=9',
            'NODE_ADDON_API_CPP_EXCEPTIONS',
            'NODE_ADDON_API_CPP_EXCEPTIONS_ALL',
            'NODE_ADDON_API_DISABLE_DEPRECATED',
            'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
            'CMB_SIMULATOR',
          ],
          'dependencies': ['driver', 'simulator'],
        },
      ],
    }],
  ],
}
