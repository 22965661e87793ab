import Weir

/// A folder of PNG and JPEG pictures, or of sub-folders of these, one for each class.
struct PictureFolder {
  private let path: String
  /// The pictures, sorted by sub-folder and name.
  private var files: [String] = []
  /// The class of each picture; empty without class folders.
  private var classes: [Int32] = []
  /// Sub-folders, sorted by name: index i is class i.
  private var names: [String] = []

  private static let endings = [".png", ".jpg", ".jpeg"]
  private static let otherPictures = [".bmp", ".gif", ".tif", ".tiff", ".webp", ".heic", ".ppm", ".pgm"]

  /// Lists the folder.
  ///
  /// - Throws: `WeirError.Code.io` when it can't be read; `unsupported` when it holds no pictures, pictures of other kinds, pictures
  ///   beside class folders, or folders in class folders.
  init(_ path: String) throws(WeirError) {
    let root = path.count > 1 && path.last == "/" ? String(path.dropLast()) : path
    self.path = root
    let listing = try FolderListing(root)
    files = try Self.pictures(listing, in: root)
    let isFlat = !files.isEmpty
    for (index, name) in listing.folders.enumerated() {
      let folder = "\(root)/\(name)"
      let inner = try FolderListing(folder)
      let found = try Self.pictures(inner, in: folder)
      if isFlat, !found.isEmpty {
        throw WeirError(.unsupported, where: root, "holds pictures and folders of pictures (\(name)); keep to one of these")
      }
      guard isFlat || inner.folders.isEmpty else {
        throw WeirError(
          .unsupported, where: folder, "holds folders; class folders lie directly in the folder named, and hold pictures")
      }
      files += found
      classes += [Int32](repeating: Int32(index), count: found.count)
    }
    if !classes.isEmpty { names = listing.folders }
    guard !files.isEmpty else {
      throw WeirError(.unsupported, where: root, "is a folder without PNG or JPEG pictures")
    }
  }

  private static func pictures(_ listing: FolderListing, in folder: String) throws(WeirError) -> [String] {
    if let other = listing.files.first(where: { file in otherPictures.contains { file.lowercased().hasSuffix($0) } }) {
      throw WeirError(.unsupported, where: "\(folder)/\(other)", "is a picture that can't be read; convert it to PNG")
    }
    return listing.files.filter { file in endings.contains { file.lowercased().hasSuffix($0) } }.map { "\(folder)/\($0)" }
  }

  /// Reads every picture: [n, h, w] of grey ones, [n, h, w, 3] of RGB ones, uint8.
  ///
  /// - Throws: `WeirError` naming the picture that is broken, or that differs from the first in size or colours.
  func read(_ source: LabelSource, resize: PictureSize?) throws(WeirError) -> (array: DataArray, labels: SampleLabels?) {
    if source == .beside, classes.isEmpty {
      throw WeirError(.argument, where: path, "has no class folders to take labels from; \(LabelSource.remedy)")
    }
    var pixels: [UInt8] = []
    var first: PixelImage?
    for file in files {
      var image = try PixelImage(reading: file)
      if let resize { image = image.resized(to: resize) }
      if let first { try check(image, file, first) } else { pixels.reserveCapacity(min(files.count * image.pixels.count, 1 << 30)) }
      first = first ?? image
      pixels += image.pixels
    }
    guard let first else { throw WeirError(.unsupported, where: path, "is a folder without pictures") }
    let shape = [files.count, first.height, first.width] + (first.channels == 3 ? [3] : [])
    let array = try DataArray(shape: shape, storage: .uint8(pixels), kind: .uint8, source: path)
    let labels = source.looksBeside && !classes.isEmpty ? SampleLabels(classes, names: names, source: path) : nil
    return (array, labels)
  }

  private func check(_ image: PixelImage, _ file: String, _ first: PixelImage) throws(WeirError) {
    guard image.channels == first.channels else {
      let kinds = image.channels == 3 ? ("RGB", "grey") : ("grey", "RGB")
      throw WeirError(
        .shape, where: file, "is \(kinds.0), and \(files[0]) is \(kinds.1); convert them to one of these")
    }
    guard image.height == first.height, image.width == first.width else {
      throw WeirError(
        .shape, where: file,
        "is \(image.height)x\(image.width) (height, width), and \(files[0]) is \(first.height)x\(first.width); resize them "
          + "(--resize \(first.height),\(first.width), data.resize)")
    }
  }
}

extension PixelImage {
  /// Reads a PNG or a JPEG, told by its first bytes.
  ///
  /// - Throws: `WeirError.Code.format` for a broken picture, `unsupported` for what is neither 8-bit grey nor RGB, `io`.
  public init(reading path: String) throws(WeirError) {
    let file = try ByteReader(path).readAll(most: 1 << 28)
    if file.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
      try self.init(png: file, path: path)
    } else if file.starts(with: [0xff, 0xd8]) {
      try self.init(jpeg: file, path: path)
    } else {
      throw WeirError(.format, where: path, "is neither PNG nor JPEG by its first bytes; get it again, or remove it")
    }
  }
}
