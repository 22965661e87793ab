// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "weir",
  platforms: [.macOS(.v15), .iOS(.v18)],
  products: [
    .library(name: "Weir", targets: ["Weir"]),
    .library(name: "CWeir", targets: ["CWeir"]),
    .executable(name: "weir", targets: ["WeirCLI"]),
  ],
  // A dependent that leaves it out, `.package(url: ..., from: ..., traits: [])`, fetches no other package.
  traits: [
    .default(enabledTraits: ["CommandLine"]),
    .trait(name: "CommandLine", description: "The packages that only the command line needs."),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .target(
      name: "CWeir",
      path: "CSupport",
      exclude: ["CMakeLists.txt"],
      publicHeadersPath: "include",
      cSettings: [
        .headerSearchPath("."),
        .define("WEIR_OPENMP", to: "1", .when(platforms: [.linux])),
        .define("WEIR_BLAS", to: "1", .when(platforms: [.linux])),
      ],
      linkerSettings: [
        .linkedLibrary(":libomp.so.5", .when(platforms: [.linux])),
        .linkedLibrary("openblas", .when(platforms: [.linux])),
        .linkedLibrary("m", .when(platforms: [.linux])),
      ]
    ),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .systemLibrary(name: "CZip", pkgConfig: "libzip", providers: [.apt(["libzip-dev"]), .brew(["libzip"])]),
    .systemLibrary(
      name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"]), .brew(["jpeg-turbo"])]),
    .systemLibrary(name: "CLAPACK", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"]), .brew(["openblas"])]),
    .target(name: "Weir", dependencies: ["CWeir"]),
    .target(name: "WeirData", dependencies: ["Weir", "CZlib", "CZip", "CPNG", "CTurboJPEG", "CLAPACK"]),
    .target(name: "WeirDetection", dependencies: ["Weir"]),
    .target(name: "WeirReport", dependencies: ["WeirData", "WeirDetection"]),
    .executableTarget(
      name: "WeirCLI",
      dependencies: [
        "WeirReport",
        .product(name: "ArgumentParser", package: "swift-argument-parser", condition: .when(traits: ["CommandLine"])),
        .product(name: "Yams", package: "Yams", condition: .when(traits: ["CommandLine"])),
      ]
    ),
    .testTarget(name: "WeirTests", dependencies: ["Weir", "WeirData", "WeirDetection", "WeirReport", "CTurboJPEG"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)
