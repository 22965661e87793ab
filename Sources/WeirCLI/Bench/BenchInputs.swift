import Weir
import WeirData

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What is scored while time is taken: samples of a file, or random ones that the model takes.
struct BenchInputs {
  /// Float [count, dims], in the model's units.
  let values: [Float]
  /// The file; nil for random ones.
  let path: String?

  /// Seed of the random ones.
  static let seed: UInt64 = 1

  /// The integers 0..255, all as likely, for images; standard normal numbers for what has no levels.
  init(random count: Int, for info: FlowInfo) {
    var generator = Generator(state: Self.seed)
    path = nil
    values = (0..<count * info.dims).map { _ in
      info.levels > 0 ? Float(generator.next() >> 56) : generator.normal()
    }
  }

  /// The first `count` samples of a file.
  ///
  /// - Throws: `WeirError` of reading, or `shape` when there are fewer.
  init(_ text: String, count: Int, for info: FlowInfo) throws(WeirError) {
    let input = try ModelInput(InputFile.samples(LabelledInput(text)), shape: info.shape, levels: info.levels)
    guard input.count >= count else {
      throw WeirError(
        .shape, where: text, "holds \(input.count) samples and --batch \(count) needs \(count); give a smaller --batch")
    }
    path = text
    values = [Float](unsafeUninitializedCapacity: count * info.dims) { buffer, filled in
      for row in 0..<count { input.copy(row, into: buffer.baseAddress! + row * info.dims) }
      filled = count * info.dims
    }
  }

  /// SplitMix64 (Steele, Lea, Flood 2014), the same numbers on every machine.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      return z ^ (z >> 31)
    }

    /// Box and Muller's, one of the two.
    mutating func normal() -> Float {
      let radius = (-2 * log(Double((next() >> 11) + 1) * 0x1p-53)).squareRoot()
      return Float(radius * cos(2 * Double.pi * Double(next() >> 11) * 0x1p-53))
    }
  }
}
