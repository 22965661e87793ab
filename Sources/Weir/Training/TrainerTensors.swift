import CWeir

/// A tensor of a trainer: a parameter, a running statistic or a fixed constant.
public struct TensorDescription: Sendable, Hashable {
  /// Its place in the model, for example "steps.3.net.in_conv.weight_v".
  public let name: String
  /// Its shape.
  public let shape: [Int]
  /// Numbers in it.
  public let count: Int
  /// False for running statistics and fixed constants.
  public let isTrainable: Bool
}

extension Trainer {
  /// Every tensor, in the engine's order.
  ///
  /// - Throws: only when the engine is inconsistent.
  public func tensors() throws(WeirError) -> [TensorDescription] {
    var tensors: [TensorDescription] = []
    for index in 0..<weir_trainer_tensor_count(handle) {
      var info = weir_tensor_info()
      info.struct_size = MemoryLayout<weir_tensor_info>.size
      try checkEngine("tensors", weir_trainer_tensor_info(handle, index, &info))
      let shape = [info.shape.0, info.shape.1, info.shape.2, info.shape.3]
      tensors.append(
        TensorDescription(
          name: String(cString: info.name), shape: Array(shape.prefix(info.rank)), count: info.count,
          isTrainable: info.trainable != 0))
    }
    return tensors
  }

  /// Values of the tensor `name`.
  ///
  /// - Throws: `WeirError.Code.tensor` when there is none of that name.
  public func values(of name: String) throws(WeirError) -> [Float] { try read(name, Int32(WEIR_TENSOR_VALUE)) }

  /// Gradient of the tensor `name`, from the last call of `gradient`.
  ///
  /// - Throws: `WeirError.Code.tensor` when there is none of that name.
  public func gradients(of name: String) throws(WeirError) -> [Float] { try read(name, Int32(WEIR_TENSOR_GRADIENT)) }

  /// Sets the values of the tensor `name`, for example a standardising step's mean and scale.
  ///
  /// - Throws: `WeirError.Code.tensor` when there is none of that name, `shape` for a wrong count.
  public func write(_ values: [Float], to name: String) throws(WeirError) {
    let (index, tensor) = try find(name)
    guard values.count == tensor.count else {
      throw WeirError(.shape, where: name, "holds \(tensor.count) numbers; \(values.count) were given")
    }
    try checkEngine("write", weir_trainer_tensor_write(handle, index, values))
  }

  private func read(_ name: String, _ what: Int32) throws(WeirError) -> [Float] {
    let (index, tensor) = try find(name)
    var values = [Float](repeating: 0, count: tensor.count)
    try checkEngine("read", weir_trainer_tensor_read(handle, index, what, &values))
    return values
  }

  private func find(_ name: String) throws(WeirError) -> (Int, TensorDescription) {
    let all = try tensors()
    guard let index = all.firstIndex(where: { $0.name == name }) else {
      throw WeirError(.tensor, where: name, "there is no tensor of this name; see Trainer.tensors()")
    }
    return (index, all[index])
  }
}
