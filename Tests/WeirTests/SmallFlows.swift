import Weir

/// Flows small enough to train for some steps in a test, and data to feed them.
enum SmallFlows {
  static let table = try! FlowSpec.tabular(dims: 5, couplings: 3, hidden: 8, layers: 1, standardise: true)
  static let image = try! FlowSpec.realnvp(shape: [1, 8, 8], scales: 2, channels: 4, blocks: 1)

  static func options(batch: Int = 16, threads: Int = 1, seed: UInt64 = 1) -> TrainerOptions {
    var options = TrainerOptions()
    options.batch = batch
    options.threads = threads
    options.seed = seed
    return options
  }

  /// Rows on a noisy line, so that there is something to learn.
  static func rows(_ count: Int, seed: UInt64 = 1) -> [Float] {
    var generator = Generator(state: seed)
    return (0..<count).flatMap { _ -> [Float] in
      let place = generator.uniform() * 2 - 1
      return (0..<5).map { place * Float($0) + 0.1 * (generator.uniform() - 0.5) }
    }
  }

  /// 8x8 pictures of a bright square on a dark ground.
  static func pictures(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var generator = Generator(state: seed)
    return (0..<count).flatMap { _ -> [UInt8] in
      let (left, top) = (Int(generator.uniform() * 5), Int(generator.uniform() * 5))
      return (0..<64).map { index in
        let inside = (left..<left + 4).contains(index % 8) && (top..<top + 4).contains(index / 8)
        return UInt8((inside ? 180 : 20) + generator.uniform() * 40)
      }
    }
  }

  /// A model file's path after some steps of training on `pictures`.
  static func trainedImageModel(in folder: TemporaryFolder, steps: Int = 5) throws -> String {
    let trainer = try Trainer.create(image, options: options())
    let data = pictures(16).map { Float($0) }
    for _ in 0..<steps { _ = try trainer.step(data, learningRate: 1e-3) }
    try trainer.reestimateBatchNorm { (add) throws(WeirError) in
      try data.withUnsafeBufferPointer { batch throws(WeirError) in try add(batch) }
    }
    try trainer.saveModel(folder("image.safetensors"))
    return folder("image.safetensors")
  }

  struct Generator {
    var state: UInt64

    /// Uniform in [0, 1): a 64-bit linear congruential generator's upper bits.
    mutating func uniform() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 40) / Float(1 << 24)
    }
  }
}
