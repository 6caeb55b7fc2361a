mod metering;
