import Weir

/// Data matched to a model: every sample in the model's axes and units, ready to be scored or trained on.
///
/// Images: 8-bit and other integers are 0..255, floating point is 0..1. NCHW, NHWC and (one channel) NHW are told apart by the model's
/// shape; an array that could be both is refused.
public struct ModelInput: Sendable {
  /// Samples.
  public let count: Int
  /// Numbers in one sample.
  public let dims: Int
  /// Samples that hold NaN or Inf; they score -infinity.
  public let notFinite: Int

  let array: DataArray
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
    notFinite = try Self.check(array, dims: dims, isImage: levels > 0)
  }

  private static func check(_ array: DataArray, dims: Int, isImage: Bool) throws(WeirError) -> Int {
    guard case .float(let values) = array.storage else { return 0 }
    let most: Float = array.kind == .float ? 1 : 255
    var notFinite = 0
    for row in 0..<values.count / dims {
      var finite = true
      for index in row * dims..<(row + 1) * dims {
        let value = values[index]
        if !value.isFinite {
          finite = false
        } else if isImage, value < 0 || value > most {
          let remedy = array.kind == .float ? "; floating-point images are 0..1, uint8 images 0..255" : ""
          throw WeirError(
            .argument, where: array.source, "has the value \(value) in image \(row), outside 0..\(Int(most))\(remedy)")
        }
      }
      notFinite += finite ? 0 : 1
    }
    return notFinite
  }

  /// The first `limit` samples.
  public func prefix(_ limit: Int) throws(WeirError) -> ModelInput {
    guard limit < count else { return self }
    var copy = self
    try copy.cut(to: limit)
    return copy
  }

  private mutating func cut(to limit: Int) throws(WeirError) {
    let storage: DataArray.Storage =
      switch array.storage {
      case .uint8(let values): .uint8(Array(values[..<(limit * dims)]))
      case .float(let values): .float(Array(values[..<(limit * dims)]))
      }
    let shape = [limit] + array.shape.dropFirst()
    let shorter = try DataArray(shape: shape, storage: storage, kind: array.kind, source: array.source)
    self = try ModelInput(shorter, layout: layout, scale: scale, channels: channels, dims: dims)
  }

  private init(_ array: DataArray, layout: ImageLayout, scale: Float, channels: Int, dims: Int) throws(WeirError) {
    self.array = array
    self.layout = layout
    self.scale = scale
    self.channels = channels
    self.dims = dims
    count = array.shape[0]
    notFinite = try Self.check(array, dims: dims, isImage: false)
  }

  /// Writes sample `row` to `output`, Float [dims], channels first, in the model's units.
  public func copy(_ row: Int, into output: UnsafeMutablePointer<Float>) {
    switch array.storage {
    case .uint8(let values):
      values.withUnsafeBufferPointer { place($0.baseAddress! + row * dims, output) { Float($0) } }
    case .float(let values):
      let scale = scale
      values.withUnsafeBufferPointer { buffer in
        place(buffer.baseAddress! + row * dims, output) { scale == 1 ? $0 : Self.level($0 * scale) }
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
