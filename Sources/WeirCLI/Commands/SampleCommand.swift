import ArgumentParser
import Weir
import WeirData
import WeirReport

struct SampleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample",
    abstract: "Draws samples from the model, as a picture or an array.",
    discussion: "A .npy of images is uint8 [n, h, w] or [n, h, w, c]; of rows, float32 [n, dims]."
  )

  @Argument(help: "A model file.")
  var model: String

  @Option(help: "Samples.")
  var count: Int

  @Option(help: "Sample i depends on the seed and i alone.")
  var seed: UInt64 = 0

  @Option(help: "1 is the model's own distribution; less gives more typical samples.")
  var temperature: Float = 1

  @Option(help: "FILE.png (a grid of images) or FILE.npy.")
  var output: String

  @Option(help: "Threads.")
  var threads = 1

  mutating func validate() throws {
    guard (1...65536).contains(count) else { throw ValidationError("--count is \(count); it must be 1 to 65536") }
    guard temperature >= 0, temperature.isFinite else {
      throw ValidationError("--temperature is \(temperature); it must be 0 or more")
    }
    guard (1...1024).contains(threads) else { throw ValidationError("--threads is \(threads); it must be 1 to 1024") }
    guard output.hasSuffix(".png") || output.hasSuffix(".npy") else {
      throw ValidationError("--output \(output): the name must end in .png or .npy")
    }
  }

  mutating func run() throws {
    let flow = try Flow.open(model)
    let info = flow.info
    if output.hasSuffix(".png"), !info.isImage || info.levels == 0 {
      throw WeirError(.unsupported, where: output, "this model has no images to draw; write its samples to a .npy file")
    }
    let session = try flow.session(batch: count, threads: threads)
    let samples = try session.sample(count: count, seed: seed, temperature: temperature)
    if output.hasSuffix(".png") {
      try PixelImage.grid(of: samples, shape: info.shape).writePNG(to: output)
    } else if info.isImage, info.levels > 0 {
      try writeImages(samples, info)
    } else {
      try OutputFile.writeNPY(samples, shape: [count] + info.shape, to: output)
    }
  }

  private func writeImages(_ samples: [Float], _ info: FlowInfo) throws(WeirError) {
    let (channels, height, width) = (info.shape[0], info.shape[1], info.shape[2])
    let pixels = height * width
    var values = [UInt8](repeating: 0, count: samples.count)
    for index in samples.indices {
      let (sample, place) = index.quotientAndRemainder(dividingBy: info.dims)
      values[sample * info.dims + place % pixels * channels + place / pixels] = PixelImage.level(samples[index])
    }
    let shape = channels == 1 ? [count, height, width] : [count, height, width, channels]
    try OutputFile.writeNPY(values, shape: shape, to: output)
  }
}
