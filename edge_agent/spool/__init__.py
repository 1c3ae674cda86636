"""The spool: on disk, every batch, event and receipt that the controller has not acked yet."""
