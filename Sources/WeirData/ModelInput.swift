import Weir

/// Data matched to a model: every sample in the model's axes and units, ready to be scored or trained on.
///
/// Images: 8-bit and other integers are 0..255, floating point is 0..1. NCHW, NHWC and (one channel) NHW are told apart by the model's
/// shape; an array that could be both is refused.
public struct ModelInput: Sendable {
  /// Samples.
  public private(set) var count: Int
  /// Numbers in one sample.
  public let dims: Int
  /// Samples that hold NaN or Inf; they score -infinity.
  public private(set) var notFinite: Int
  /// The class of each sample, where labels were read.
  public private(set) var labels: [Int32]?

  private(set) var array: DataArray
  /// The place in `array` of each sample; nil when they are all of it, in order.
  private(set) var rows: [UInt32]?
  let layout: ImageLayout
  /// Factor from stored numbers to the model's units.
  let scale: Float
  private let channels: Int

  /// Matches an array to a flow.
  ///
  /// - Throws: as ``init(_:shape:levels:)``.
  public init(_ array: DataArray, for info: FlowInfo) throws(WeirError) {
    try self.init(array, shape: info.shape, levels: info.levels)
  }

  /// Matches samples to a model's input, with their labels; only those that are meant.
  ///
  /// - Throws: as ``init(_:shape:levels:)``.
  public init(_ samples: LabelledSamples, shape: [Int], levels: Int) throws(WeirError) {
    try self.init(samples.array, shape: shape, levels: levels)
    labels = samples.labels?.values
    if let rows = samples.rows { self = selecting(rows: rows) }
  }

  /// Matches an array to a model's input.
  ///
  /// - Parameters:
  ///   - shape: [c, h, w] or [dims].
  ///   - levels: 256 for 8-bit images, 0 for continuous data.
  /// - Throws: `WeirError.Code.shape` when the shapes do not match or are ambiguous, `argument` for image values out of range.
  public init(_ array: DataArray, shape: [Int], levels: Int) throws(WeirError) {
    guard let count = array.shape.first, count > 0 else {
      throw WeirError(.shape, where: array.source, "holds no samples")
    }
    guard shape.allSatisfy({ $0 > 0 }) else {
      throw WeirError(.shape, where: array.source, "has shape \(array.shape), which holds no numbers")
    }
    layout = try ImageLayout(of: array, in: shape)
    self.count = count
    self.array = array
    dims = shape.reduce(1, *)
    channels = shape[0]
    scale = levels > 0 && array.kind == .float ? 255 : 1
    notFinite = 0
    if levels > 0 { try checkImageValues() }
    notFinite = countNotFinite()
  }

  private func checkImageValues() throws(WeirError) {
    guard case .float(let values) = array.storage else { return }
    let most: Float = array.kind == .float ? 1 : 255
    guard let index = values.firstIndex(where: { $0.isFinite && ($0 < 0 || $0 > most) }) else { return }
    let remedy =
      array.kind == .float
      ? "floating-point images are 0..1, uint8 images 0..255"
      : "whole numbers are 8-bit image values; bring 16-bit ones down with (array // 257).astype(\"uint8\")"
    throw WeirError(
      .argument, where: array.source,
      "has the value \(values[index]) in image \(index / dims), outside 0..\(Int(most)); \(remedy)")
  }

  private func countNotFinite() -> Int {
    guard case .float(let values) = array.storage else { return 0 }
    return values.withUnsafeBufferPointer { values in (0..<count).count { !isFinite($0, values) } }
  }

  /// The place in its file, from 0, of the first sample that holds NaN or Inf; nil when none does.
  public var firstNotFinite: Int? {
    guard notFinite > 0, case .float(let values) = array.storage else { return nil }
    return values.withUnsafeBufferPointer { values in (0..<count).first { !isFinite($0, values) } }.map { place(of: $0) }
  }

  private func isFinite(_ sample: Int, _ values: UnsafeBufferPointer<Float>) -> Bool {
    let start = place(of: sample) * dims
    return values[start..<start + dims].allSatisfy(\.isFinite)
  }

  /// Where sample `sample` is in `array`.
  private func place(of sample: Int) -> Int { rows.map { Int($0[sample]) } ?? sample }

  /// The samples of these indexes, in this order; the numbers themselves are shared, not copied.
  ///
  /// - Precondition: every index is 0 to `count` - 1.
  public func selecting(rows chosen: [UInt32]) -> ModelInput {
    var part = self
    part.rows = chosen.map { UInt32(place(of: Int($0))) }
    part.labels = labels.map { labels in chosen.map { labels[Int($0)] } }
    part.count = chosen.count
    part.notFinite = part.countNotFinite()
    return part
  }

  /// The first `limit` samples. Copies them, so that the memory of the others can go.
  public func prefix(_ limit: Int) throws(WeirError) -> ModelInput {
    guard limit < count else { return self }
    guard rows == nil else { return selecting(rows: Array(0..<UInt32(limit))) }
    let storage: DataArray.Storage =
      switch array.storage {
      case .uint8(let values): .uint8(Array(values[..<(limit * dims)]))
      case .float(let values): .float(Array(values[..<(limit * dims)]))
      }
    let shape = [limit] + array.shape.dropFirst()
    var part = self
    part.array = try DataArray(shape: shape, storage: storage, kind: array.kind, source: array.source)
    part.labels = labels.map { Array($0[..<limit]) }
    part.count = limit
    part.notFinite = part.countNotFinite()
    return part
  }

  /// Writes sample `row` to `output`, Float [dims], channels first, in the model's units.
  public func copy(_ row: Int, into output: UnsafeMutablePointer<Float>) {
    let start = place(of: row) * dims
    switch array.storage {
    case .uint8(let values):
      values.withUnsafeBufferPointer { place($0.baseAddress! + start, output) { Float($0) } }
    case .float(let values):
      let scale = scale
      values.withUnsafeBufferPointer { buffer in
        place(buffer.baseAddress! + start, output) { scale == 1 ? $0 : Self.level($0 * scale) }
      }
    }
  }

  /// A float image that was made by v / 255 means v: rounding undoes the division's last bit, so that it scores as the uint8 image does.
  private static func level(_ value: Float) -> Float {
    let nearest = value.rounded()
    return abs(value - nearest) < 1e-4 ? nearest : value
  }

  private func place<Number>(
    _ input: UnsafePointer<Number>, _ output: UnsafeMutablePointer<Float>, _ convert: (Number) -> Float
  ) {
    switch layout {
    case .channelsFirst:
      for index in 0..<dims { output[index] = convert(input[index]) }
    case .channelsLast:
      let pixels = dims / channels
      for channel in 0..<channels {
        for pixel in 0..<pixels { output[channel * pixels + pixel] = convert(input[pixel * channels + channel]) }
      }
    }
  }
}
