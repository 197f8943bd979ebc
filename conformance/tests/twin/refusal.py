"""What a kind raises to answer with an error."""


class RefusalError(Exception):
    def __init__(self, code, message, category=None):
        super().__init__(message)
        self.code = code
        self.category = category
