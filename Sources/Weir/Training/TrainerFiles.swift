import CWeir

extension Trainer {
  /// Writes the model, atomically.
  ///
  /// - Parameters:
  ///   - path: the model file, replaced when there is one.
  ///   - provenance: a JSON object stored with the model, or nil.
  /// - Throws: `WeirError.Code.io`; then the file is as it was.
  public func saveModel(_ path: String, provenance: String? = nil) throws(WeirError) {
    try callEngine("saveModel", file: path) { weir_trainer_save_model(handle, path, provenance, $0) }
  }

  /// Writes everything needed to continue, atomically.
  ///
  /// - Parameters:
  ///   - path: the checkpoint, replaced when there is one.
  ///   - hostState: any text; comes back as ``hostState``.
  /// - Throws: `WeirError.Code.io`; then the file is as it was.
  public func saveCheckpoint(_ path: String, hostState: String? = nil) throws(WeirError) {
    try callEngine("saveCheckpoint", file: path) { weir_trainer_save_checkpoint(handle, path, hostState, $0) }
  }

  /// Re-estimates batch norm's population statistics: each batch is normalised by its own statistics, as in training, and the pooled
  /// mean and variance of all of them become those that scoring uses.
  ///
  /// - Parameter batches: called with a function that takes one batch, Float of whole samples; call it for every batch. When it throws,
  ///   statistics stay as they were.
  /// - Throws: `WeirError.Code.shape`, and whatever `batches` throws.
  public func reestimateBatchNorm(
    _ batches: (_ add: (UnsafeBufferPointer<Float>) throws(WeirError) -> Void) throws(WeirError) -> Void
  ) throws(WeirError) {
    try checkEngine("reestimateBatchNorm", weir_trainer_reestimate_begin(handle))
    do throws(WeirError) {
      try batches { x throws(WeirError) in
        let count = try samples(in: x)
        try checkEngine("reestimateBatchNorm", weir_trainer_reestimate_add(handle, x.baseAddress, count))
      }
    } catch {
      // Begun anew and ended without a batch, it changes nothing.
      _ = weir_trainer_reestimate_begin(handle)
      _ = weir_trainer_reestimate_end(handle)
      throw error
    }
    try checkEngine("reestimateBatchNorm", weir_trainer_reestimate_end(handle))
  }
}
