import Weir

/// Samples as they were in their files, their labels where these were asked for, and which of them are meant.
public struct LabelledSamples: Sendable {
  /// Every sample of the file.
  public let array: DataArray
  /// One for each sample of `array`; nil when there are none or they were not asked for.
  public let labels: SampleLabels?
  /// The samples that are meant, as places in `array`; nil for all.
  public let rows: [UInt32]?

  /// - Throws: `WeirError.Code.shape` when samples and labels differ in number.
  init(_ array: DataArray, labels: SampleLabels?) throws(WeirError) {
    let samples = array.shape.first ?? 0
    if let labels, labels.values.count != samples {
      throw WeirError(
        .shape, where: labels.source, "holds \(labels.values.count) labels for the \(samples) samples of \(array.source)")
    }
    self.init(array, labels, rows: nil)
  }

  private init(_ array: DataArray, _ labels: SampleLabels?, rows: [UInt32]?) {
    self.array = array
    self.labels = labels
    self.rows = rows
  }

  /// Samples that are meant.
  public var count: Int { rows?.count ?? array.shape.first ?? 0 }

  /// Only the samples of these classes.
  ///
  /// - Throws: `WeirError.Code.argument` for a class without samples, naming the classes there are, or when there are no labels.
  public func selecting(classes: [Int]) throws(WeirError) -> LabelledSamples {
    let labels = try needLabels()
    let present = rows.map { rows in Set(rows.map { labels.values[Int($0)] }) } ?? Set(labels.values)
    let missing = classes.filter { wanted in !present.contains { Int($0) == wanted } }
    guard missing.isEmpty else {
      throw WeirError(
        .argument, where: array.source, "has no sample of class \(missing[0]); its labels are \(labels.listing)")
    }
    return keeping { classes.contains(Int($0)) }
  }

  /// All samples but those of these classes.
  ///
  /// - Throws: `WeirError.Code.argument` when that leaves none, or when there are no labels.
  public func excluding(classes: [Int]) throws(WeirError) -> LabelledSamples {
    let labels = try needLabels()
    let others = keeping { !classes.contains(Int($0)) }
    guard others.count > 0 else {
      throw WeirError(.argument, where: array.source, "has no samples of other classes; its labels are \(labels.listing)")
    }
    return others
  }

  private func needLabels() throws(WeirError) -> SampleLabels {
    guard let labels else {
      throw WeirError(.argument, where: array.source, "has no labels to pick samples by; \(LabelSource.remedy)")
    }
    return labels
  }

  /// The samples at these places among those that are meant.
  func keeping(places: Range<Int>) -> LabelledSamples {
    LabelledSamples(array, labels, rows: rows.map { Array($0[places]) } ?? places.map { UInt32($0) })
  }

  private func keeping(_ isMeant: (Int32) -> Bool) -> LabelledSamples {
    let values = labels?.values ?? []
    let kept = (rows ?? values.indices.map { UInt32($0) }).filter { isMeant(values[Int($0)]) }
    return LabelledSamples(array, labels, rows: kept)
  }
}
