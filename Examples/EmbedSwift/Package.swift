// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "EmbedSwift",
  platforms: [.macOS(.v15)],
  dependencies: [
    // In a package of your own: .package(url: "URL of the repository", from: "0.1.0", traits: [])
    .package(name: "weir", path: "../..", traits: [])
  ],
  targets: [
    .executableTarget(name: "EmbedSwift", dependencies: [.product(name: "Weir", package: "weir")])
  ]
)
