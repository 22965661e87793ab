import Weir

/// Where the channels of an array of images are.
enum ImageLayout: Sendable {
  /// [n, c, h, w], [n, h, w] of one channel, or a table [n, dims]: as the model has it.
  case channelsFirst
  /// [n, h, w, c]
  case channelsLast

  /// Recognises the layout of `array` by the model's shape, [c, h, w] or [dims].
  init(of array: DataArray, in shape: [Int]) throws(WeirError) {
    let sample = Array(array.shape.dropFirst())
    func refuse(_ reason: String) -> WeirError { WeirError(.shape, where: array.source, reason) }
    guard shape.count == 3 else {
      if sample == shape || (sample.isEmpty && shape == [1]) {
        self = .channelsFirst
        return
      }
      throw refuse("has shape \(array.shape); the model wants [n, \(shape[0])]")
    }
    let (channels, height, width) = (shape[0], shape[1], shape[2])
    let first = sample == shape
    let last = sample == [height, width, channels]
    if first && last && channels > 1 {
      throw refuse("has shape \(array.shape), which could be NCHW or NHWC for a model of \(shape)")
    }
    if first || (channels == 1 && sample == [height, width]) {
      self = .channelsFirst
    } else if last {
      self = .channelsLast
    } else {
      var wanted = "[n, \(channels), \(height), \(width)] or [n, \(height), \(width), \(channels)]"
      if channels == 1 { wanted += " or [n, \(height), \(width)]" }
      throw refuse("has shape \(array.shape); the model wants \(wanted)")
    }
  }
}
