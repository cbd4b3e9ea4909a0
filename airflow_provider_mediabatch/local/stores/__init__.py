"""What one state directory holds, each kind of object in a store that gets what it needs in its constructor."""
