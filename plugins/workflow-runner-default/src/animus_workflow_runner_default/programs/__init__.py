"""Child processes on the event loop: started on record, bounded, nothing left after them."""
