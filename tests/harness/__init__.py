"""Everything that tests share: harnesses, fakes of vendors, samples. Nothing here is a test."""
