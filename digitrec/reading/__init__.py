"""Reading pictures: from any picture file to digits. No Lightning."""
